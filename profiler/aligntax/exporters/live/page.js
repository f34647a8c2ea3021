"use strict";
// Shows /api/live. Names come from outside: they become text nodes and attributes that take no code, never markup.
(() => {
  const PERIOD = 2000;
  const LONGEST_WAIT = 30000;
  const PATIENCE = 10000;
  const MOST_REQUESTS = 64;
  const MOST_POINTS = 1000;
  const TABLE_ROWS = 20;
  const COLOURS = 7;
  const SVG = "http://www.w3.org/2000/svg";
  const VERDICTS = ["allow", "modify", "block", "error", "timeout", "cancelled", "skipped"];

  const script = document.currentScript;
  const nonce = script.nonce;
  const byId = (id) => document.getElementById(id);
  const finePrint = new Intl.NumberFormat("en");

  // -- words and numbers, as the reports write them ----------------------------------------------------------------

  const UNITS = [[1, "s"], [1e3, "ms"], [1e6, "us"], [1e9, "ns"]];

  function duration(seconds, signed = false) {
    if (seconds === null || seconds === undefined) return "-";
    const rounded = Math.abs(Number(seconds.toExponential(2)));
    if (rounded === 0) return "0 s";
    const [factor, unit] = UNITS.find(([f]) => rounded * f >= 1) ?? UNITS[3];
    const value = rounded * factor;
    const decimals = value >= 100 || unit === "ns" ? 0 : value >= 10 ? 1 : 2;
    const number = value.toLocaleString("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
    return `${seconds < 0 ? "-" : signed ? "+" : ""}${number}\u00a0${unit}`;
  }

  const percent = (ratio, decimals = 1) => (ratio === null ? "-" : `${(ratio * 100).toFixed(decimals)}\u00a0%`);
  const words = (name) => name.replaceAll("_", " ");
  const counts = (found) =>
    Object.entries(found).map(([name, n]) => `${finePrint.format(n)} ${words(name)}`).join(", ") || "-";
  const quantile = (found, name) => (found.intervals[name] === "n too small" ? "n too small" : duration(found[name]));

  // -- elements ----------------------------------------------------------------------------------------------------

  function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }

  function drawing(kind, height, shapes) {
    const svg = document.createElementNS(SVG, "svg");
    for (const [name, value] of [["class", kind], ["viewBox", `0 0 100 ${height}`], ["preserveAspectRatio", "none"],
      ["aria-hidden", "true"], ["focusable", "false"]]) svg.setAttribute(name, value);
    for (const { tag = "rect", ...attributes } of shapes) {
      const shape = document.createElementNS(SVG, tag);
      for (const [name, value] of Object.entries(attributes)) shape.setAttribute(name, value);
      svg.append(shape);
    }
    return svg;
  }

  function setText(node, text) {
    if (node.textContent !== text) node.textContent = text;
  }

  // Rows keep their elements from one update to the next, and with them the focus and the place that was scrolled to.
  function fill(body, items, keyOf, make, update) {
    const old = new Map([...body.rows].map((row) => [row.dataset.key, row]));
    let place = body.firstElementChild;
    for (const item of items) {
      const key = keyOf(item);
      let row = old.get(key);
      old.delete(key);
      if (row === undefined) {
        row = make(item);
        row.dataset.key = key;
      }
      if (row === place) place = place.nextElementSibling;
      else body.insertBefore(row, place);
      update(row, item);
    }
    for (const row of old.values()) if (!row.contains(document.activeElement)) row.remove();
  }

  const plainRow = (columns) => () =>
    element("tr", {}, element("th", { scope: "row" }), ...Array.from({ length: columns }, () => element("td")));

  // -- state -------------------------------------------------------------------------------------------------------

  let shown = null;
  let skew = 0; // seconds from the server's clock to this one's
  let colours = new Map();
  let requests = new Map();
  let points = new Map();
  let selected = null;
  let scale = 0;
  let plotsReady = false;

  const TIME = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
  const clockTime = (seconds, digits) =>
    new Date((seconds + skew) * 1000).toLocaleTimeString([], digits ? { ...TIME, fractionalSecondDigits: digits } : TIME);
  const colourOf = (layer, kind) => (kind === "model" ? "model" : `f${colours.get(layer) ?? COLOURS - 1}`);

  // With several workers any of them may answer: what each one knows is put together here.
  function take(found) {
    if (shown !== null && shown.source.id !== found.source.id && !found.source.shared) {
      requests = new Map();
      points = new Map();
    }
    shown = found;
    const apart = Date.now() / 1000 - found.now_seconds;
    // The answer that came fastest knows best, unless one of the clocks was set.
    if (apart < skew || apart > skew + 1) skew = apart;
    const guards = found.report.layers.filter((layer) => layer.kind === "guard");
    colours = new Map(guards.map((layer, place) => [layer.layer, place % COLOURS]));
    for (const request of found.requests) {
      const id = `${found.source.id}.${request.id}`;
      requests.set(id, { ...request, id, process: found.source.process });
    }
    requests = newest(requests, MOST_REQUESTS);
    points.delete("idle");
    for (const point of found.history.points) {
      const shares = point.shares_seconds ?? [];
      const named = new Map(found.history.guards.map((guard, place) => [guard, shares[place]]));
      points.set(`${found.source.id}.${point.start_seconds}`, { ...point, named });
    }
    points = newest(points, MOST_POINTS);
    show(guards);
  }

  // No news is news as well: there has been no request since the document was made.
  function idle() {
    const end_seconds = Date.now() / 1000 - skew;
    const nothing = { requests: 0, taxed: 0, tax_p50_seconds: null, tax_p95_seconds: null, others_seconds: null, named: new Map() };
    points.set("idle", { ...nothing, start_seconds: shown.now_seconds, end_seconds });
    points = newest(points, MOST_POINTS);
    showTrend();
  }

  function newest(items, most) {
    const sorted = [...items].sort(([, one], [, other]) => other.end_seconds - one.end_seconds);
    return new Map(sorted.slice(0, most));
  }

  // -- the parts of the page ---------------------------------------------------------------------------------------

  function show(guards) {
    setText(byId("headline"), shown.headline);
    showFigures();
    showGuards(guards);
    showVerdicts(guards);
    showRequests();
    showTrend();
  }

  function showFigures() {
    const { report } = shown;
    const tax = report.request.tax_seconds;
    const running = Object.values(shown.calls_in_progress).reduce((sum, n) => sum + n, 0);
    const self = Object.values(report.self.seconds).reduce((sum, seconds) => sum + seconds, 0);
    const figures = [
      ["Requests", finePrint.format(report.requests)],
      ["Tax p50", quantile(tax, "p50")],
      ["Tax p99", quantile(tax, "p99")],
      ["Tax over raw time", percent(report.request.tax_ratio.of_sums, 2)],
      ["Request p50", quantile(report.request.duration_seconds, "p50")],
      ["Calls running now", finePrint.format(running)],
      ["Own cost", duration(self)],
      ["Observations lost", finePrint.format(report.self.dropped)],
      ["Outcomes", counts(report.outcomes)],
    ];
    const list = byId("figures");
    while (list.childElementCount < figures.length) {
      list.append(element("div", {}, element("dt"), element("dd")));
    }
    figures.forEach(([name, value], place) => {
      const [term, description] = list.children[place].children;
      setText(term, name);
      setText(description, value);
    });
  }

  const layerKey = (layer) => `${layer.stage} ${layer.layer}`;

  function nameGuard(cell, layer) {
    if (cell.firstChild === null) cell.append(element("span"), " ", element("small"));
    setText(cell.children[0], layer.layer);
    setText(cell.children[1], layer.stage);
  }

  function redraw(cell, kind, height, shapes) {
    const drawn = JSON.stringify(shapes);
    if (cell.dataset.drawn === drawn) return;
    cell.dataset.drawn = drawn;
    cell.querySelector("svg")?.remove();
    cell.append(drawing(kind, height, shapes));
  }

  function showGuards(guards) {
    const sorted = [...guards].sort((one, other) => (other.tax_share ?? 0) - (one.tax_share ?? 0));
    fill(byId("guards").tBodies[0], sorted, layerKey, plainRow(4), (row, layer) => {
      const cells = row.cells;
      nameGuard(cells[0], layer);
      setText(cells[0].children[1], `${layer.stage}, ${percent(layer.tax_share)}`);
      const width = 100 * Math.min(1, Math.max(0, layer.tax_share ?? 0));
      const bar = { class: colourOf(layer.layer, "guard"), x: 0, y: 0, width, height: 10 };
      redraw(cells[0], "bar", 10, width > 0 ? [bar] : []);
      const values = [finePrint.format(layer.calls), quantile(layer.wall_seconds, "p50"),
        quantile(layer.wall_seconds, "p99"), duration(layer.tax_seconds.mean, true)];
      values.forEach((value, place) => setText(cells[place + 1], value));
    });
  }

  function showVerdicts(guards) {
    fill(byId("verdicts").tBodies[0], guards, layerKey, () => {
      const row = plainRow(1)();
      row.cells[1].className = "list";
      row.cells[1].append(element("span"));
      return row;
    }, (row, layer) => {
      nameGuard(row.cells[0], layer);
      const found = VERDICTS.filter((verdict) => layer.verdicts[verdict]).map((verdict) => [verdict, layer.verdicts[verdict]]);
      const all = found.reduce((sum, [, n]) => sum + n, 0);
      let x = 0;
      const bars = found.map(([verdict, n]) => {
        const bar = { class: verdict, x, y: 0, width: (100 * n) / all, height: 10 };
        x += bar.width;
        return bar;
      });
      const errors = Object.keys(layer.errors).length ? ` (${counts(layer.errors)})` : "";
      setText(row.cells[1].children[0], counts(Object.fromEntries(found)) + errors);
      redraw(row.cells[1], "bar", 10, bars);
    });
  }

  // -- requests ----------------------------------------------------------------------------------------------------

  function showRequests() {
    const { source } = shown;
    setText(byId("scope"), source.shared
      ? "Of the workers that have answered so far, each of which knows its own requests only; all other numbers are about the whole server."
      : `The last ${MOST_REQUESTS} of this process at most.`);
    const longest = Math.max(...[...requests.values()].map((request) => request.duration_seconds), 1e-9);
    const power = 10 ** Math.floor(Math.log10(longest));
    scale = power * [1, 2, 5, 10].find((step) => step * power >= longest * 0.999999);
    const body = byId("recent").tBodies[0];
    fill(body, requests.values(), (request) => request.id, makeRequest, (row, request) => {
      setText(row.querySelector("button"), clockTime(request.end_seconds, 3));
      redraw(row.cells[0], "mini", 12, miniature(request));
    });
    if (selected !== null) {
      const fresh = requests.get(selected.id) ?? selected;
      if (JSON.stringify(fresh) !== JSON.stringify(selected)) choose(fresh);
    }
  }

  function makeRequest(request) {
    const button = element("button", { type: "button", "aria-pressed": "false", "aria-controls": "detail" });
    button.addEventListener("click", () => choose(requests.get(request.id) ?? request));
    const row = element("tr", {}, element("th", { scope: "row" }, button));
    for (const text of [words(request.outcome), duration(request.duration_seconds), duration(request.tax_seconds, true)]) {
      row.append(element("td", {}, text));
    }
    return row;
  }

  function miniature(request) {
    const top = request.spans.filter((span) => span.depth === 0);
    const ends = [];
    const placed = top.map((span) => {
      let lane = ends.findIndex((end) => end <= span.start_seconds);
      if (lane < 0) lane = Math.min(ends.length, 2);
      ends[lane] = Math.max(ends[lane] ?? 0, span.start_seconds + span.duration_seconds);
      return { span, lane };
    });
    const height = 12 / Math.max(1, ends.length);
    return placed.map(({ span, lane }) => bar(span, scale, lane * height, height));
  }

  function bar(span, whole, y, height) {
    const x = Math.min(99.6, (100 * span.start_seconds) / whole);
    const width = Math.min(100 - x, Math.max(0.4, (100 * span.duration_seconds) / whole));
    return { class: colourOf(span.layer, span.kind), x: x.toFixed(2), y: y.toFixed(2), width: width.toFixed(2), height: height.toFixed(2) };
  }

  function choose(request) {
    selected = request;
    for (const row of byId("recent").tBodies[0].rows) {
      row.querySelector("button").setAttribute("aria-pressed", String(row.dataset.key === request.id));
    }
    setText(byId("detail-title"), `Request that ended at ${clockTime(request.end_seconds, 3)}`);
    const parts = [
      `${words(request.outcome)}${request.model === null ? "" : `, ${request.model}`}: ${duration(request.duration_seconds)}, of which ${duration(request.tax_seconds, true)} are tax.`,
      request.trace_id === null ? "" : `Trace ${request.trace_id}.`,
      shown.source.shared ? `Process ${request.process}.` : "",
      request.spans_left_out ? `The ${request.spans_left_out} shortest calls are not shown.` : "",
    ];
    setText(byId("detail-text"), parts.filter(Boolean).join(" "));
    const whole = Math.max(request.duration_seconds, 1e-9);
    const rows = request.spans.map((span) => {
      const shares = request.shares_seconds[span.layer];
      const name = element("th", { scope: "row", class: `deep${Math.min(3, span.depth)}` }, element("span", {}, span.layer), " ",
        element("small", {}, span.kind === "model" ? "model" : `${span.stage}, tax ${duration(shares)}`));
      name.append(drawing("bar", 10, [bar(span, whole, 0, 10)]));
      const verdict = span.verdict === null ? "goes on" : span.verdict + (span.error_type === null ? "" : ` (${span.error_type})`);
      const gpu = span.gpu_seconds === undefined ? "" : ` (GPU ${duration(span.gpu_seconds)})`;
      return element("tr", {}, name, element("td", { class: "list" }, verdict), element("td", {}, duration(span.start_seconds)),
        element("td", {}, duration(span.duration_seconds) + gpu));
    });
    byId("spans").tBodies[0].replaceChildren(...rows);
    byId("spans").hidden = false;
  }

  // -- trend -------------------------------------------------------------------------------------------------------

  function key(name, place, dash) {
    const line = { tag: "line", class: `s${place}`, x1: 0, y1: 5, x2: 100, y2: 5, "vector-effect": "non-scaling-stroke" };
    if (dash.length) line["stroke-dasharray"] = dash.join(" ");
    return element("span", { class: "key" }, drawing("", 10, [line]), name);
  }

  function showTrend() {
    const now = Date.now() / 1000 - skew;
    const since = now - shown.history.window_seconds;
    const recent = [...points.values()].filter((point) => point.end_seconds >= since);
    fill(byId("trend").tBodies[0], recent.slice(0, TABLE_ROWS), (point) => `${point.start_seconds}`, plainRow(4), (row, point) => {
      const length = point.end_seconds - point.start_seconds;
      const values = [clockTime(point.end_seconds), duration(length), (point.requests / length).toFixed(2),
        duration(point.tax_p50_seconds), duration(point.tax_p95_seconds)];
      values.forEach((value, place) => setText(row.cells[place], value));
    });
    if (!plotsReady) return;
    const guards = shown.history.guards;
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    // A guard has the same colour everywhere; among the lines of one plot the dashes tell it apart.
    const lines = guards.map((guard) => ({ name: guard, colour: colours.get(guard) ?? COLOURS - 1 }));
    if (recent.some((point) => point.others_seconds)) lines.push({ name: "all others", colour: COLOURS - 1, others: true });
    const theme = { text: colour("--soft"), line: colour("--line"), colours: Array.from({ length: COLOURS }, (_, i) => colour(`--c${i}`)) };
    const dashes = window.aligntaxPlots.draw(recent.toReversed(), lines, now, shown.history.window_seconds, theme);
    const legend = JSON.stringify(lines);
    if (byId("legend-guards").dataset.drawn !== legend) {
      byId("legend-guards").dataset.drawn = legend;
      byId("legend-guards").replaceChildren(...lines.map((line, place) => key(line.name, line.colour, dashes[place])));
      byId("legend-tax").replaceChildren(key("p50", 0, dashes[0]), key("p95", 1, dashes[1]));
    }
    describe(recent[0], lines);
  }

  function describe(last, lines) {
    const label = (id, text) => byId(id).setAttribute("aria-label", text);
    if (last === undefined) return;
    label("plot-tax", `Tax of a request over time; lately p50 ${duration(last.tax_p50_seconds)}, p95 ${duration(last.tax_p95_seconds)}`);
    const shares = lines.map((line) => `${line.name} ${duration(line.others ? last.others_seconds : last.named.get(line.name))}`);
    label("plot-guards", `Mean tax by guard over time; lately ${shares.join(", ") || "none"}`);
    label("plot-rate", `Requests a second over time; lately ${(last.requests / (last.end_seconds - last.start_seconds)).toFixed(2)}`);
  }

  async function loadPlots() {
    const addresses = script.dataset.plots.split(" ").filter(Boolean);
    if (!addresses.length) {
      byId("install").hidden = false;
      return;
    }
    // Bokeh styles its plots by style elements of its own. The policy of this page lets them in by the page's nonce.
    const create = document.createElement;
    document.createElement = function (name, options) {
      const made = create.call(document, name, options);
      if (String(name).toLowerCase() === "style") made.nonce = nonce;
      return made;
    };
    try {
      for (const address of addresses) {
        await new Promise((resolve, reject) => {
          const part = element("script", { src: address });
          part.addEventListener("load", resolve);
          part.addEventListener("error", () => reject(new Error(address)));
          document.head.append(part);
        });
      }
      byId("plots").hidden = false;
      await window.aligntaxPlots.start();
      plotsReady = true;
      showTrend();
    } catch (error) {
      console.error(error);
      plotsReady = false;
      byId("plots").hidden = true;
      setText(byId("install"), "The plots could not be loaded; the table below has the same numbers.");
      byId("install").hidden = false;
    }
  }

  // -- the connection ----------------------------------------------------------------------------------------------

  let etag = "";
  let timer = 0;
  let failures = 0;
  let lostAt = "";
  let paused = false;
  let plotsAsked = false;
  let request = null;

  function setState(name, text) {
    byId("state").dataset.state = name;
    setText(byId("state"), text); // it is read out, so it only changes with the state
  }

  async function poll() {
    stop();
    const mine = (request = new AbortController());
    const tooLong = setTimeout(() => mine.abort(), PATIENCE);
    let found = null;
    try {
      found = await ask(mine.signal);
    } catch (error) {
      if (request !== mine) return; // paused, hidden or asked anew meanwhile
      if (failures === 0) lostAt = new Date().toLocaleTimeString([], TIME);
      failures += 1;
      const why = error.message === "401" ? "; sign in again by reloading this page" : "";
      setState("lost", `Disconnected since ${lostAt}${why}`);
    } finally {
      clearTimeout(tooLong);
    }
    if (request !== mine) return;
    request = null;
    if (found !== null) connected(found);
    timer = setTimeout(poll, Math.min(LONGEST_WAIT, PERIOD * 2 ** Math.max(0, Math.min(failures, 8) - 1)));
  }

  // The tag and the document; no document where nothing has happened since the last one.
  async function ask(signal) {
    const response = await fetch("api/live", { cache: "no-store", headers: etag ? { "If-None-Match": etag } : {}, signal });
    if (response.status === 304) return { etag, news: null };
    if (!response.ok) throw new Error(String(response.status));
    return { etag: response.headers.get("ETag") ?? "", news: await response.json() };
  }

  function connected(found) {
    failures = 0;
    etag = found.etag;
    setState("live", "Connected");
    setText(byId("updated"), `as of ${new Date().toLocaleTimeString([], TIME)}`);
    if (found.news !== null) take(found.news);
    else idle();
    if (!plotsAsked) {
      plotsAsked = true;
      setTimeout(loadPlots, 0);
    }
  }

  function stop() {
    clearTimeout(timer);
    const going = request;
    request = null;
    going?.abort();
  }

  function goOn() {
    if (paused || document.hidden) stop();
    else poll();
  }

  byId("pause").addEventListener("click", () => {
    paused = !paused;
    byId("pause").setAttribute("aria-pressed", String(paused));
    if (paused) setState("paused", "Paused");
    goOn();
  });
  document.addEventListener("visibilitychange", goOn);
  window.addEventListener("online", goOn);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => shown !== null && showTrend());
  goOn();
})();
