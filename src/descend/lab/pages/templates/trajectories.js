// Plays the trajectories, goes to a step, and takes the start that one clicks next to. All were computed beforehand.
(() => {
  const told = JSON.parse(document.getElementById("trajectories").textContent);
  const { lines, steps, starts } = told; // of a line: its place in the first chart and its place in the second
  const bytes = Uint8Array.from(atob(told.numbers), (character) => character.charCodeAt(0));
  const numbers = new Float32Array(bytes.buffer); // of each line, start and step: x, y and the cost above the lowest
  const DURATION_MS = 8000, DECADES = 9; // of a whole run; and so far below the start the cost is shown
  const [map, curves] = document.querySelectorAll(".plot");
  const [button, slider, now, picker] = ["play", "step", "now", "start"].map((id) => document.getElementById(id));
  const keys = [...document.querySelectorAll(".panel:first-child .key li:not(.name)")].slice(0, lines.length);
  const hidden = new Set();
  let start = 0, step = steps, begun = 0;

  const column = (line, which, last) => Array.from({ length: last + 1 }, (_, k) => {
    const value = numbers[((line * starts.length + start) * (steps + 1) + k) * 3 + which];
    return Number.isFinite(value) ? value : null;
  });
  const last = (values) => values.findLast((value) => value !== null) ?? null;
  const shown = (index) => !hidden.has(index);
  const range = (logarithmic, values) => {
    const first = Math.max(...values.map((costs) => costs[0] ?? -Infinity));
    const finite = values.flat().filter((value) => value !== null && (!logarithmic || value > first / 10 ** DECADES));
    const low = Math.min(...finite), high = Math.min(Math.max(...finite), first + 2 * Math.abs(first - low));
    if (logarithmic) return [Math.log10(low) - 0.3, Math.log10(Math.max(...finite.filter((v) => v <= 100 * first))) + 0.3];
    return [low - 0.05 * (high - low || 1), high + 0.05 * (high - low || 1)];
  };

  // Plotly takes away contours when it moves lines alone, which is several times faster: a copy of them stays.
  const keepContours = () => {
    const drawn = map.querySelector(".contourlayer");
    if (!drawn || !drawn.childElementCount) return;
    const copy = drawn.cloneNode(true);
    copy.querySelectorAll("[class]").forEach((part) => part.removeAttribute("class")); // or it would take them for its own
    copy.setAttribute("class", "contours-kept");
    copy.style.display = "";
    map.querySelector(".contours-kept")?.remove();
    drawn.before(copy);
    drawn.style.display = "none";
  };

  // What a step changes: the lines of the first chart, and where the marks are.
  const move = (plot, changes) => {
    const at = { frame: { duration: 0, redraw: false }, transition: { duration: 0 }, mode: "immediate" };
    const changed = new Map(changes.map(([trace, x, y]) => [trace, { x, y }]));
    const data = plot.data.map((_, trace) => changed.get(trace) ?? {}); // what is not named would vanish
    Plotly.animate(plot, { data, traces: data.map((_, trace) => trace) }, at).catch(() => {}); // the next one is due
  };
  const show = () => {
    const seen = lines.map((_, i) => i).filter(shown);
    const paths = seen.map((i) => [lines[i].map, column(i, 0, step), column(i, 1, step)]);
    const costs = seen.map((i) => column(i, 2, step)[step]);
    const all = (values) => lines.map((_, i) => values[seen.indexOf(i)] ?? null); // a mark keeps its line's tone
    move(map, [...paths, [told.heads.map, ...[1, 2].map((which) => all(paths.map((path) => last(path[which]))))]]);
    move(curves, [[told.heads.curves, lines.map(() => step), all(costs)]]);
    Plotly.relayout(curves, { "shapes[0].x0": step, "shapes[0].x1": step });
    slider.value = step;
    now.textContent = `step ${step} of ${steps}`;
  };

  // To scale, a narrow chart need not be high.
  const fit = () => {
    if (!told.shape) return;
    const { l, r, t, b } = map.layout.margin, { width, height: before } = map._fullLayout;
    const height = Math.round(Math.min(told.height, (width - l - r) / told.shape + t + b));
    if (height === before) return;
    map.style.height = `${height}px`;
    Plotly.relayout(map, { height });
  };

  // What another start changes, or another dress of the page: everything.
  const renew = () => {
    const cost = lines.map((_, i) => column(i, 2, steps)), visible = lines.map((_, i) => shown(i));
    Plotly.restyle(map, { visible }, lines.map((line) => line.map));
    Plotly.restyle(map, { x: [[starts[start][0]]], y: [[starts[start][1]]] }, [told.start]);
    Plotly.restyle(curves, { y: cost, visible }, lines.map((line) => line.curves));
    const logarithmic = curves.layout.yaxis.type === "log";
    Plotly.relayout(curves, { "yaxis.range": range(logarithmic, cost.filter((_, i) => shown(i))) });
    keys.forEach((key, i) => { key.classList.toggle("off", !shown(i)); key.setAttribute("aria-pressed", shown(i)); });
    picker.value = start;
    show();
  };

  const pause = () => { begun = 0; button.textContent = "Play"; };
  const frame = (time) => {
    if (!begun) return;
    step = Math.min(steps, Math.floor((time - begun) / DURATION_MS * steps));
    show();
    if (step < steps) requestAnimationFrame(frame);
    else pause();
  };
  const play = () => requestAnimationFrame((time) => {
    begun = time - (step < steps ? step : 0) * DURATION_MS / steps;
    button.textContent = "Pause";
    frame(time);
  });
  const choose = (index) => { start = index; renew(); };
  const nearest = ({ x, y }) => {
    const [across, up] = [map.layout.xaxis.range, map.layout.yaxis.range].map(([low, high]) => high - low);
    const distance = ([a, b]) => ((a - x) / across) ** 2 + ((b - y) / up) ** 2;
    return starts.reduce((best, at, i) => (distance(at) < distance(starts[best]) ? i : best), 0);
  };
  const toggle = (index) => {
    if (!hidden.delete(index) && hidden.size < lines.length - 1) hidden.add(index);
    renew();
  };

  button.addEventListener("click", () => (begun ? pause() : play()));
  slider.addEventListener("input", () => { pause(); step = Number(slider.value); show(); });
  picker.addEventListener("change", () => choose(Number(picker.value)));
  map.on("plotly_afterplot", keepContours);
  map.on("plotly_click", (event) => choose(nearest(event.points[0])));
  keys.forEach((key, i) => {
    key.tabIndex = 0;
    key.setAttribute("role", "button");
    key.addEventListener("click", () => toggle(i));
    key.addEventListener("keydown", (event) => { if (event.key === "Enter") toggle(i); });
  });
  const dress = () => { fit(); renew(); };
  document.addEventListener("drawn", dress);
  addEventListener("resize", () => setTimeout(fit, 200)); // Plotly takes the new width first
  dress();
})();
