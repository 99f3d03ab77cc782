// Numbers and times as people read them. Nothing here touches the page.

const whole = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

export const NONE = "–";

export function count(value) {
  return value === null || value === undefined ? NONE : whole.format(value);
}

export function percent(share) {
  return share === null || share === undefined ? NONE : `${short.format(100 * share)} %`;
}

export function hours(seconds) {
  if (seconds === null || seconds === undefined) return NONE;
  return seconds < 3600 ? `${short.format(seconds / 60)} min` : `${short.format(seconds / 3600)} h`;
}

export function bytes(value) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${short.format(value)} ${units[unit]}`;
}

export function duration(seconds) {
  if (seconds < 120) return `${short.format(seconds)} s`;
  return seconds < 7200 ? `${short.format(seconds / 60)} min` : `${short.format(seconds / 3600)} h`;
}

/** A bucket of the API ("2026-11-26", "2026-11-26T10:00:00Z", "...+01:00") as a short label. */
export function bucket(text) {
  return text.length === 10 ? text : text.slice(0, 16).replace("T", " ");
}

/**
 * Where a bucket lies on the time axis, in seconds. Days and local hours are drawn by the clock they were counted by, so the offset
 * is left out: the axis then shows that clock, whatever zone the reader is in. An hour that a clock passes twice is moved behind
 * the first by whoever draws them.
 */
export function axisSeconds(text) {
  const [date, time = "00:00"] = text.split("T");
  return Date.parse(`${date}T${time.slice(0, 5)}:00Z`) / 1000;
}

export function axisLabel(seconds, byDay) {
  const text = new Date(seconds * 1000).toISOString();
  return byDay ? text.slice(5, 10) : `${text.slice(5, 10)} ${text.slice(11, 16)}`;
}
