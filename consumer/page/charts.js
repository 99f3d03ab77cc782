// What is drawn: curves by uPlot, bars and tables of plain elements.

import { axisLabel, axisSeconds, bucket } from "./format.js";

const drawn = new Map(); // by the element it is drawn into

export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function axis(more) {
  return { stroke: colour("--quiet"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, ...more };
}

const HOUR = 3600;
const STEPS = { hour: [1, 2, 3, 6, 12, 24, 48].map((n) => n * HOUR), day: [1, 2, 7, 14, 28, 91, 182, 364].map((n) => n * 24 * HOUR) };

/** about: what the curve says in words, for who does not see it. */
function draw(into, about, options, data) {
  erase(into);
  const size = () => ({ width: Math.max(into.clientWidth, 200), height: 240 });
  const plot = new uPlot({ ...size(), legend: { show: true, live: true }, cursor: { drag: { x: false, y: false } }, ...options }, data, into);
  const watch = new ResizeObserver(() => plot.setSize({ ...size(), height: 240 }));
  watch.observe(into);
  drawn.set(into, { plot, watch });
  into.setAttribute("role", "img");
  into.setAttribute("aria-label", about);
}

export function erase(into) {
  const old = drawn.get(into);
  if (old) {
    old.watch.disconnect();
    old.plot.destroy();
  }
  drawn.delete(into);
  into.removeAttribute("role");
  into.removeAttribute("aria-label");
  into.replaceChildren();
}

/** Buckets that follow one another even where a clock goes back. */
function places(rows, key) {
  let last = -Infinity;
  return rows.map((row) => {
    last = Math.max(axisSeconds(row[key]), last + 1);
    return last;
  });
}

function line(label, values, show, more = {}) {
  return { label, stroke: colour("--accent"), width: 2, points: { show: values.length < 40 }, value: (_, v) => (v === null ? "–" : show(v)), ...more };
}

/** A curve of rows by time. What is unfinished is drawn dashed, as a series of its own. */
export function series(into, rows, key, value, label, show) {
  if (rows.length === 0) {
    erase(into);
    into.append(element("p", { className: "note", textContent: "Nothing was counted in this range." }));
    return;
  }
  const byDay = key === "day";
  const x = places(rows, key);
  const y = rows.map((row) => row[value]);
  const first = rows.findIndex((row) => row.unfinished);
  const end = first < 0 ? rows.length : first;
  const finished = y.map((v, i) => (i < end ? v : null));
  const open = y.map((v, i) => (i >= end - 1 && first >= 0 ? v : null));
  draw(into, `A curve of ${label} from ${bucket(rows[0][key])} to ${bucket(rows.at(-1)[key])}; the table below has its values.`, {
    scales: { x: { time: false }, y: { range: (_, low, high) => [Math.min(0, low || 0), high > 0 ? high * 1.05 : 1] } },
    axes: [axis({ incrs: STEPS[key], values: (_, splits) => splits.map((s) => axisLabel(s, byDay)) }), axis({ size: 64, values: (_, splits) => splits.map(show) })],
    series: [
      { label: byDay ? "day" : "hour", value: (_, v, __, i) => (i === null ? "–" : bucket(rows[i][key])) },
      line(label, y, show),
      line(`${label}, unfinished`, y, show, { dash: [4, 4], stroke: colour("--warn") }),
    ],
  }, [x, finished, open]);
}

/** Percent of viewings by percent of the video: 101 points. */
export function retention(into, points) {
  const [half, end] = [points[50], points[100]].map(Math.round);
  draw(into, `A curve of how many viewings saw each point of the video: all at its start, ${half} % at its middle, ${end} % at its end.`, {
    scales: { x: { time: false }, y: { range: [0, 100] } },
    axes: [axis({ values: (_, splits) => splits.map((s) => `${s} %`) }), axis({ size: 56, values: (_, splits) => splits.map((s) => `${s} %`) })],
    series: [
      { label: "point of the video", value: (_, v) => (v === null ? "–" : `${v} %`) },
      line("of the viewings saw it", points, (v) => `${Math.round(v * 10) / 10} %`, { fill: colour("--fill") }),
    ],
  }, [points.map((_, i) => i), points]);
}

function bar(share) {
  const fill = element("span", { className: "fill" });
  fill.style.inlineSize = `${Math.max(0, Math.min(100, 100 * share))}%`;
  return element("span", { className: "bar", ariaHidden: "true" }, fill);
}

/** columns: {title, text(row)}, and as wanted: number, share(row) for a bar, act(row) for a button. The first names the row. */
export function table(into, caption, columns, rows) {
  if (rows.length === 0) {
    into.replaceChildren(element("p", { className: "note", textContent: "Nothing was counted in this range." }));
    return;
  }
  const head = element("tr", {}, ...columns.map((c) => element("th", { scope: "col", textContent: c.title, className: c.number ? "number" : "" })));
  const body = rows.map((row) => element("tr", {}, ...columns.map((c, i) => cell(c, row, i === 0))));
  const made = element("table", {}, element("caption", { textContent: caption, className: "hidden" }), element("thead", {}, head), element("tbody", {}, ...body));
  into.replaceChildren(made);
}

function cell(column, row, isFirst) {
  const made = isFirst ? element("th", { scope: "row" }) : element("td", { className: column.number ? "number" : "" });
  const text = column.text(row);
  if (column.act) {
    made.append(element("button", { type: "button", className: "link", textContent: text, onclick: () => column.act(row) }));
  } else {
    made.append(text);
  }
  if (column.share) made.append(bar(column.share(row)));
  return made;
}

export function definitions(into, pairs) {
  into.replaceChildren(...pairs.map(([term, text, className]) =>
    element("div", { className: className || "" }, element("dt", { textContent: term }), element("dd", { textContent: text }))));
}

/** Steps, each with its share of the first. */
export function funnel(into, steps) {
  const first = steps.length > 0 ? steps[0].value : 0;
  into.replaceChildren(element("ol", { className: "funnel" }, ...steps.map((step) =>
    element("li", {}, element("span", { textContent: `${step.name}: ${step.text}` }), bar(first > 0 ? step.value / first : 0)))));
}
