// The strip for operators: how far counting is, and what stands in its way.

import { ask } from "./api.js";
import { definitions } from "./charts.js";
import { NONE, bytes, count, duration } from "./format.js";

let before = null; // the answer before, for the rate

function rate(status) {
  const seconds = before ? (Date.parse(status.now) - Date.parse(before.now)) / 1000 : 0;
  const counted = before ? status.records - before.records : -1;
  before = status;
  return seconds > 0 && counted >= 0 ? `${count(Math.round(counted / seconds))} /s` : NONE;
}

function letters(dead) {
  const reasons = Object.entries(dead).filter(([, n]) => n > 0).sort((a, b) => b[1] - a[1]);
  return reasons.length === 0 ? "none" : reasons.map(([reason, n]) => `${count(n)} ${reason}`).join(", ");
}

export function freshness(status) {
  if (!status.ready) return `Counting is held up: ${status.reason}`;
  if (status.complete_through === null) return "How far counting is, is not known yet.";
  const behind = status.lag_seconds;
  return behind < 5 ? "Counted up to now." : `Counted up to ${duration(behind)} ago.`;
}

/** Returns what the API says of itself. */
export async function show(into) {
  const status = await ask("/v1/status");
  definitions(into, [
    ["reports counted", rate(status)],
    ["lag", `${count(status.lag_records)} records, ${duration(status.lag_seconds)}`, status.lag_seconds > 60 ? "warn" : ""],
    ["complete through", status.complete_through ? status.complete_through.replace("T", " ").slice(0, 19) + " UTC" : NONE],
    ["repeats dropped", count(status.repeats)],
    ["dead letters", letters(status.dead_letters), Object.values(status.dead_letters).some((n) => n > 0) ? "warn" : ""],
    ["flush, 99 of 100 within", status.flush_ms.p99 === null ? NONE : `${count(status.flush_ms.p99)} ms`],
    ["store", bytes(status.store_bytes)],
    ["partitions", status.partitions_waiting > 0 ? `${status.partitions}, ${status.partitions_waiting} waiting` : count(status.partitions), status.ready ? "" : "warn"],
  ]);
  return status;
}
