// The page: filters above, numbers below, asked anew when a filter changes and now and then besides.

import { Fault, Refused, ask, download, setToken } from "./api.js";
import * as charts from "./charts.js";
import { bucket, count, hours, percent } from "./format.js";
import * as ops from "./ops.js";
import * as questions from "./questions.js";

const AGAIN_MS = 15000;
const OPS_MS = 3000;
const SHOWN = { play_engagement: hours };
const find = (id) => document.getElementById(id);

let asking = new AbortController(); // of the numbers being asked for
let photo = null; // the video that is shown

function filters() {
  const chosen = {};
  for (const id of ["range", "from", "to", "tz", "site", "source"]) chosen[id] = find(id).value;
  chosen.bots = find("bots").checked;
  chosen.internal = find("internal").checked;
  return chosen;
}

function tellFault(error) {
  find("fault").textContent = error ? error.message : "";
  find("fault").hidden = !error;
}

function showToken(is) {
  find("token-form").hidden = !is;
  find("numbers").hidden = is;
  find("ops").hidden = is;
  if (is) find("token").focus();
}

/* ---- The numbers. ---- */

async function showCards(chosen, signal) {
  const [main, viewers] = await Promise.all([ask("/v1/report", questions.cards(chosen), signal), ask("/v1/report", questions.viewers(chosen), signal)]);
  const row = { ...(main.rows[0] || {}), ...(viewers.rows[0] || {}) };
  charts.definitions(find("cards"), [
    ["loads", count(row.loads ?? 0)],
    ["plays", count(row.plays ?? 0)],
    ["play rate", percent(row.play_rate)],
    ["watched", hours(row.play_engagement ?? 0)],
    ["finishes", count(row.finishes ?? 0)],
    ["viewers, about", count(row.viewers ?? 0)],
  ]);
  const meanings = { ...main.meta.definitions, ...viewers.meta.definitions };
  charts.definitions(find("meanings"), Object.entries(meanings));
}

async function showSeries(chosen, signal) {
  const metric = find("metric").value;
  const key = questions.span(chosen);
  let rows;
  try {
    ({ rows } = await ask("/v1/report", questions.overTime(chosen, metric), signal));
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    charts.erase(find("series")); // better nothing than the curve of another range
    find("series-table").replaceChildren();
    find("series-note").textContent = error.message;
    return;
  }
  const show = SHOWN[metric] || count;
  const label = find("metric").selectedOptions[0].textContent;
  charts.series(find("series"), rows, key, metric, label, show);
  find("series-note").textContent = rows.some((row) => row.unfinished) ? "Dashed: not over, or not yet counted whole." : "";
  charts.table(find("series-table"), "Over time", [
    { title: key, text: (row) => bucket(row[key]) + (row.unfinished ? " (unfinished)" : "") },
    { title: label, text: (row) => show(row[metric]), number: true },
  ], rows);
}

async function showVideos(chosen, signal) {
  const { rows } = await ask("/v1/report", questions.videos(chosen), signal);
  const most = Math.max(1, ...rows.map((row) => row.plays));
  charts.table(find("videos"), "Top videos by plays", [
    { title: "video", text: (row) => (row.photo_id < 0 ? "(other)" : String(row.photo_id)), act: (row) => openVideo(String(row.photo_id)) },
    { title: "plays", text: (row) => count(row.plays), number: true, share: (row) => row.plays / most },
    { title: "loads", text: (row) => count(row.loads), number: true },
    { title: "watched", text: (row) => hours(row.play_engagement), number: true },
    { title: "of it", text: (row) => percent(row.playthrough_average), number: true },
    { title: "finishes", text: (row) => count(row.finishes), number: true },
  ], rows);
}

async function showSources(chosen, signal) {
  const { rows } = await ask("/v1/report", questions.sources({ ...chosen, source: "" }), signal);
  const most = Math.max(1, ...rows.map((row) => row.plays));
  charts.table(find("sources"), "Sources by plays", [
    { title: "source", text: (row) => row.source },
    { title: "plays", text: (row) => count(row.plays), number: true, share: (row) => row.plays / most },
    { title: "loads", text: (row) => count(row.loads), number: true },
    { title: "watched", text: (row) => hours(row.play_engagement), number: true },
  ], rows);
  offer("source", rows.map((row) => row.source));
}

async function showVideo(chosen, signal) {
  if (photo === null) return;
  const terms = [`photo_id==${photo}`];
  const [report, retention] = await Promise.all([ask("/v1/report", questions.cards(chosen, terms), signal), ask("/v1/retention", questions.retention(chosen, photo), signal)]);
  const row = report.rows[0] || {};
  const points = retention.points;
  const known = retention.viewings;
  find("video-title").textContent = `Video ${photo}`;
  if (known > 0) charts.retention(find("retention"), points);
  else charts.erase(find("retention"));
  find("retention-note").textContent = known > 0
    ? `${count(known)} viewings of known length. At the middle ${percent(points[50] / 100)} of them saw the picture, at the end ${percent(points[100] / 100)}.`
    : "No viewing of known length in this range.";
  charts.funnel(find("funnel"), [
    { name: "loads", value: row.loads ?? 0, text: count(row.loads ?? 0) },
    { name: "plays", value: row.plays ?? 0, text: count(row.plays ?? 0) },
    ...[25, 50, 75].map((at) => ({ name: `saw the point at ${at} %`, value: (known * points[at]) / 100, text: count(Math.round((known * points[at]) / 100)) })),
    { name: "finishes", value: row.finishes ?? 0, text: count(row.finishes ?? 0) },
  ]);
  find("video").hidden = false;
}

/** Adds to a select what it does not have, and keeps the choice. */
function offer(id, names) {
  const select = find(id);
  const have = new Set([...select.options].map((option) => option.value));
  for (const name of names) {
    if (!have.has(name)) select.append(charts.element("option", { value: name, textContent: name }));
  }
}

/* ---- Asking. ---- */

async function refresh() {
  const chosen = filters();
  for (const field of document.querySelectorAll(".dates")) field.hidden = chosen.range !== "dates";
  if (!questions.isWhole(chosen)) return;
  asking.abort();
  asking = new AbortController();
  const { signal } = asking;
  find("numbers").setAttribute("aria-busy", "true");
  try {
    await Promise.all([showCards, showSeries, showVideos, showSources, showVideo].map((show) => show(chosen, signal)));
    tellFault(null);
  } catch (error) {
    take(error);
  } finally {
    if (!signal.aborted) find("numbers").removeAttribute("aria-busy");
  }
}

function take(error) {
  if (error.name === "AbortError") return;
  if (error instanceof Refused) showToken(true);
  else if (error instanceof Fault) tellFault(error);
  else throw error;
}

async function refreshOps() {
  try {
    find("freshness").textContent = ops.freshness(await ops.show(find("vitals")));
  } catch (error) {
    find("freshness").textContent = "";
    take(error);
  }
}

function openVideo(id) {
  photo = id;
  refresh().then(() => {
    find("video").scrollIntoView();
    find("video").focus();
  });
}

function closeVideo() {
  photo = null;
  find("video").hidden = true;
  charts.erase(find("retention"));
}

async function start() {
  try {
    const { rows } = await ask("/v1/report", questions.sites());
    find("site-field").hidden = rows.length < 2;
    offer("site", rows.map((row) => row.site));
    showToken(false);
  } catch (error) {
    if (error instanceof Fault) showToken(false);
    take(error);
    if (error instanceof Refused) return;
  }
  await Promise.all([refresh(), refreshOps()]);
}

function listen() {
  find("filters").addEventListener("change", refresh);
  find("filters").addEventListener("submit", (event) => event.preventDefault());
  find("metric").addEventListener("change", refresh);
  find("video-close").addEventListener("click", closeVideo);
  find("find").addEventListener("submit", (event) => {
    event.preventDefault();
    openVideo(find("photo").value);
  });
  find("videos-csv").addEventListener("click", (event) => {
    event.preventDefault();
    download("/v1/report", { ...questions.videos(filters(), 100000), format: "csv" }, "top-videos.csv").catch(take);
  });
  find("token-form").addEventListener("submit", (event) => {
    event.preventDefault();
    setToken(find("token").value);
    start();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", refresh);
}

/** Only while somebody looks. */
function again(work, ms) {
  setInterval(() => {
    if (!document.hidden && !find("numbers").hidden) work();
  }, ms);
}

offer("tz", ["UTC", Intl.DateTimeFormat().resolvedOptions().timeZone, ...Intl.supportedValuesOf("timeZone")]);
listen();
start();
again(refresh, AGAIN_MS);
again(refreshOps, OPS_MS);
