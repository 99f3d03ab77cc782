// The filters of the page as questions to /v1/report. Nothing here touches the page.

export const CARDS = ["loads", "plays", "play_rate", "play_engagement", "finishes"];
const VIDEOS = ["plays", "loads", "play_engagement", "playthrough_average", "finishes"];

function escaped(text) {
  return text.replace(/[\\,;]/g, "\\$&");
}

function where(filters, more = []) {
  const terms = [...more];
  if (filters.site) terms.push(`site==${escaped(filters.site)}`);
  if (filters.source) terms.push(`source==${escaped(filters.source)}`);
  return terms.join(";");
}

function nextDay(date) {
  const next = new Date(`${date}T00:00:00Z`);
  next.setUTCDate(next.getUTCDate() + 1);
  return next.toISOString().slice(0, 10);
}

/** Today is that of the zone chosen; without one that of UTC, as each site has its own. */
function today(zone, now) {
  return new Intl.DateTimeFormat("sv-SE", { timeZone: zone || "UTC" }).format(now);
}

function range(filters, now) {
  switch (filters.range) {
    case "today": return { from: today(filters.tz, now) };
    case "dates": return { from: filters.from, to: filters.to ? nextDay(filters.to) : "" };
    case "all": return { from: "all" };
    default: return { from: `-${filters.range}` };
  }
}

export function isWhole(filters) {
  return filters.range !== "dates" || (filters.from !== "" && (filters.to === "" || filters.to >= filters.from));
}

function question(filters, more, terms = []) {
  return {
    ...range(filters, new Date()),
    tz: filters.tz,
    where: where(filters, terms),
    bots: filters.bots ? "include" : "",
    internal: filters.internal ? "include" : "",
    ...more,
  };
}

/** "hour" as long as there are few of them. */
export function span(filters) {
  const isShort = filters.range === "today" || filters.range === "1d" ||
    (filters.range === "dates" && filters.to !== "" && Date.parse(filters.to) - Date.parse(filters.from) <= 86400000);
  return isShort ? "hour" : "day";
}

export function cards(filters, terms) {
  return question(filters, { metrics: CARDS.join(",") }, terms);
}

/** Viewers are kept by days of the sites' own zones, so they are asked for apart. */
export function viewers(filters, terms) {
  return question(filters, { metrics: "viewers", tz: "" }, terms);
}

export function overTime(filters, metric) {
  return question(filters, { dimensions: span(filters), metrics: metric, limit: 10000 });
}

export function videos(filters, limit = 20) {
  return question(filters, { dimensions: "photo_id", metrics: VIDEOS.join(","), sort: "-plays,-loads", limit });
}

export function sources(filters) {
  return question(filters, { dimensions: "source", metrics: "plays,loads,play_engagement", sort: "-plays,-loads", limit: 50 });
}

export function retention(filters, photo) {
  const { from, to, bots, internal } = question(filters, {});
  return { photo_id: photo, source: filters.source, site: filters.site, from, to, bots, internal };
}

export function sites() {
  return { dimensions: "site", metrics: "reports", from: "all", limit: 1000 };
}
