"use strict";
// The plots of the trend, drawn by Bokeh. No name from outside gets here: Bokeh would look for formulas in it.
window.aligntaxPlots = (() => {
  const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3], [14, 5], [5, 5], [3, 7]];
  const UNITS = [[1, "seconds"], [1e3, "milliseconds"], [1e6, "microseconds"], [1e9, "nanoseconds"]];
  const SPANS = [1, 2, 5, 10]; // minutes
  const plots = {};

  function plot(id, lines) {
    const names = Array.from({ length: lines }, (_, place) => `y${place}`);
    const source = new Bokeh.ColumnDataSource({ data: Object.fromEntries(["x", ...names].map((name) => [name, []])) });
    const across = new Bokeh.Range1d({ start: -10, end: 0 });
    const up = new Bokeh.DataRange1d({ start: 0, default_span: 1 });
    const made = new Bokeh.Plot({
      x_range: across, y_range: up, height: 176, sizing_mode: "stretch_width", toolbar_location: null, min_border: 0,
      background_fill_color: null, border_fill_color: null, outline_line_color: null,
    });
    const ticker = new Bokeh.FixedTicker({ ticks: [0], minor_ticks: [] });
    const below = new Bokeh.LinearAxis({ ticker, axis_label: "minutes from now", minor_tick_line_color: null });
    const left = new Bokeh.LinearAxis({ axis_label: "", minor_tick_line_color: null });
    left.ticker.desired_num_ticks = 4;
    made.add_layout(below, "below");
    made.add_layout(left, "left");
    const grid = new Bokeh.Grid({ dimension: 1, ticker: left.ticker });
    made.add_layout(grid);
    const renderers = names.map((name, place) =>
      made.add_glyph(new Bokeh.Line({ x: { field: "x" }, y: { field: name }, line_width: 2, line_dash: DASHES[place] }), source));
    plots[id] = { across, ticker, source, left, axes: [below, left], grid, names, renderers };
    return made;
  }

  async function start() {
    Bokeh.set_log_level("error");
    for (const [id, lines] of [["plot-tax", 2], ["plot-guards", DASHES.length], ["plot-rate", 1]]) {
      const place = document.createElement("div");
      place.inert = true; // a picture: nothing in it is to be reached by keyboard, and a finger scrolls the page
      document.getElementById(id).replaceChildren(place);
      const doc = new Bokeh.Document();
      doc.add_root(plot(id, lines));
      await Bokeh.embed.add_document_standalone(doc, place);
    }
  }

  // Each point is an interval and becomes a step. Where nobody looked, or nothing is known, the line is broken.
  function steps(points, now, values) {
    const x = [];
    const columns = values.map(() => []);
    let end = null;
    for (const point of points) {
      if (end !== null && point.start_seconds - end > 0.001) {
        x.push((end - now) / 60);
        columns.forEach((column) => column.push(NaN));
      }
      for (const at of [point.start_seconds, point.end_seconds]) {
        x.push((at - now) / 60);
        values.forEach((value, place) => columns[place].push(value(point) ?? NaN));
      }
      end = point.end_seconds;
    }
    return { x, columns };
  }

  function show(id, { x, columns }, theme, colours, unit) {
    const { across, ticker, source, left, axes, grid, names, renderers } = plots[id];
    const minutes = SPANS.find((span) => span >= -(x[0] ?? 0)) ?? SPANS.at(-1);
    across.start = -minutes;
    ticker.ticks = Array.from({ length: 6 }, (_, place) => (-minutes * place) / 5);
    const data = { x };
    names.forEach((name, place) => {
      data[name] = columns[place] ?? x.map(() => NaN);
      renderers[place].glyph.line_color = { value: theme.colours[colours[place] ?? 0] };
    });
    left.axis_label = unit;
    for (const axis of axes) {
      Object.assign(axis, {
        axis_label_text_color: theme.text, major_label_text_color: theme.text, axis_label_text_font_style: "normal",
        axis_line_color: theme.line, major_tick_line_color: theme.line,
      });
    }
    grid.grid_line_color = theme.line;
    grid.grid_line_alpha = 0.3;
    source.data = data;
  }

  function showTimes(id, found, theme, colours) {
    const largest = Math.max(...found.columns.flat().filter(Number.isFinite), 0);
    const [factor, unit] = UNITS.find(([f]) => largest * f >= 1) ?? UNITS[largest > 0 ? 3 : 1];
    const columns = found.columns.map((column) => column.map((value) => value * factor));
    show(id, { x: found.x, columns }, theme, colours, unit);
  }

  // Draws points, oldest first; returns the dashes of the guards' lines.
  function draw(points, lines, now, window_seconds, theme) {
    const recent = points.filter((point) => now - point.end_seconds <= window_seconds);
    const tax = steps(recent, now, [(point) => point.tax_p50_seconds, (point) => point.tax_p95_seconds]);
    showTimes("plot-tax", tax, theme, [0, 1]);
    const values = lines.map((line) => (point) => (line.others ? point.others_seconds : point.named.get(line.name)));
    showTimes("plot-guards", steps(recent, now, values), theme, lines.map((line) => line.colour));
    const rate = steps(recent, now, [(point) => point.requests / (point.end_seconds - point.start_seconds)]);
    show("plot-rate", rate, theme, [0], "a second");
    return DASHES;
  }

  return { start, draw };
})();
