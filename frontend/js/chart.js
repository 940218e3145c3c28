// One small chart over time: a figure with a caption, drawn by uPlot, which is loaded once a page needs it.

import { element, write } from "./progress-view.js";

const HEIGHT = 150; // px, without the legend
const AXIS = 62; // px for the numbers at the left
const NARROWEST = 160; // px; a box that is not shown has none
const FONT = "12px system-ui, sans-serif";

let loading = null;

/** uPlot's class, and its style in this page. Rejects where they can't be loaded; the next call tries again. */
export function load() {
  loading ??= Promise.all([import("../vendor/uplot.js"), loadStyle()]).then(
    ([{ default: Plot }]) => Plot,
    (error) => {
      loading = null;
      throw error;
    },
  );
  return loading;
}

function loadStyle() {
  return new Promise((resolve, reject) => {
    const link = element("link");
    link.rel = "stylesheet";
    link.addEventListener("load", resolve);
    link.addEventListener("error", () => reject(new Error("the style of the charts could not be loaded")));
    link.href = new URL("../vendor/uplot.css", import.meta.url).href;
    document.head.append(link);
  });
}

const time = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });

export class Chart {
  /** To be put into the page before the first `draw`. */
  box = element("figure", "history-chart");
  #caption = element("figcaption");
  #plot = null;
  #series;
  #format;
  #steps;

  /**
   * `series`: [{label, colour: "--finished", dash?: [px], fill?: bool}]; `format` makes text of a value; `steps` are the
   * distances that lines of the grid may have.
   */
  constructor(series, format, steps = undefined) {
    this.#series = series;
    this.#format = format;
    this.#steps = steps;
    this.box.append(this.#caption);
  }

  /** `at`: Unix times in seconds; `lines`: for each series a number or null at each time. */
  draw(Plot, caption, at, lines) {
    write(this.#caption, caption);
    const data = [at, ...lines];
    if (this.#plot === null) this.#plot = new Plot(this.#options(), data, this.box);
    else this.#plot.setData(data);
  }

  /** Fit the box, which has another size. */
  fit() {
    const width = this.#width;
    if (this.#plot !== null && this.#plot.width !== width) this.#plot.setSize({ width, height: HEIGHT });
  }

  /** Take the colours of the page anew. */
  repaint() {
    this.#plot?.redraw(false);
  }

  remove() {
    this.#plot?.destroy();
    this.#plot = null;
  }

  get #width() {
    return Math.max(NARROWEST, Math.floor(this.box.clientWidth));
  }

  #options() {
    const axis = {
      stroke: () => this.#colour(""),
      font: FONT,
      grid: { stroke: () => this.#faint(14), width: 1 },
      ticks: { show: false },
    };
    return {
      width: this.#width,
      height: HEIGHT,
      padding: [8, 8, 0, 0],
      cursor: { drag: { x: false, y: false }, sync: { key: "history" } },
      legend: { live: true, markers: { width: 2, dash: (_, index) => (this.#series[index - 1].dash ? "dashed" : "solid") } },
      scales: { y: { range: (_, _low, high) => [0, high > 0 ? high * 1.1 : 1] } },
      axes: [
        { ...axis, space: 56, size: 28, values: (_, splits) => splits.map((split) => time.format(split * 1000)) },
        { ...axis, space: 28, size: AXIS, incrs: this.#steps, values: (_, splits) => splits.map(this.#format) },
      ],
      series: [{ label: "at", value: (_, at) => (at === null ? "now" : time.format(at * 1000)) }, ...this.#series.map((one) => this.#line(one))],
    };
  }

  #line({ label, colour, dash, fill }) {
    return {
      label,
      dash,
      width: 2,
      stroke: () => this.#colour(colour),
      fill: fill ? () => `color-mix(in srgb, ${this.#colour(colour)} 16%, transparent)` : undefined,
      points: { filter: alone, size: 4, width: 0, fill: () => this.#colour(colour) },
      value: (plot, value, index, at) => this.#said(at === null ? newest(plot.data[index]) : value),
    };
  }

  #said(value) {
    return value === null || value === undefined ? "none" : this.#format(value);
  }

  /** A colour of the page, as a canvas takes it: what stands in a property may be a `light-dark()`. */
  #colour(name) {
    this.box.style.setProperty("outline-color", name ? `var(${name})` : "currentColor");
    return getComputedStyle(this.box).outlineColor;
  }

  #faint(percent) {
    return `color-mix(in srgb, ${this.#colour("")} ${percent}%, transparent)`;
  }
}

/** Where the values stand that have no neighbours, and so no line. */
function alone(plot, series) {
  const values = plot.data[series];
  const found = [];
  for (const index of values.keys()) {
    if (values[index] != null && values[index - 1] == null && values[index + 1] == null) found.push(index);
  }
  return found;
}

function newest(values) {
  return values.findLast((value) => value !== null && value !== undefined);
}
