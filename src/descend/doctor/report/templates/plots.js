// Draws the figures in the colours of the style sheet: again when the colour scheme changes, and in light mode for print.
(() => {
  const PRINT_WIDTH = 640; // pixels, which fits between the margins of A4 and Letter
  const root = document.documentElement;
  let figures = JSON.parse(document.getElementById("figures").textContent);
  let plots = [...document.querySelectorAll(".plot")];

  const tone = (name) => getComputedStyle(root).getPropertyValue("--" + name).trim();

  const coloured = (value, key = "") => {
    if (Array.isArray(value)) return value.map((item) => coloured(item, key));
    if (value && typeof value === "object")
      return Object.fromEntries(Object.entries(value).map(([k, item]) => [k, coloured(item, k)]));
    return typeof value === "string" && /color(scale)?$/.test(key) ? tone(value) || value : value;
  };

  const axis = (settings) => {
    const font = { color: tone("soft"), size: 12 };
    const lines = { gridcolor: tone("rule"), linecolor: tone("faint"), tickcolor: tone("faint") };
    const plain = { zeroline: false, ticks: "outside", ticklen: 4, showline: true };
    return { ...plain, ...lines, ...settings, title: { font, ...settings.title }, tickfont: { ...font, ...settings.tickfont } };
  };

  const layout = (settings) => {
    const look = coloured(settings);
    const axes = Object.keys(look).filter((key) => /^[xy]axis/.test(key));
    for (const key of axes) look[key] = axis(key[0] === "x" ? { showgrid: false, ...look[key] } : look[key]);
    const clear = "rgba(0,0,0,0)";
    const size = "print" in root.dataset ? { autosize: false, width: PRINT_WIDTH } : { autosize: true };
    const hoverlabel = { bgcolor: tone("paper"), bordercolor: tone("faint"), font: { color: tone("ink"), size: 12 } };
    return {
      paper_bgcolor: clear, plot_bgcolor: clear, showlegend: false, hovermode: "closest", hoverlabel,
      barmode: "group", bargap: 0.28, bargroupgap: 0.06, font: { family: tone("sans"), size: 13, color: tone("ink") },
      dragmode: matchMedia("(pointer: coarse)").matches ? false : "zoom", ...size, ...look,
    };
  };

  const draw = () => {
    plots.forEach((plot, i) => {
      const { data, layout: settings } = figures[i];
      Plotly.react(plot, coloured(data), layout(settings), { displayModeBar: false, responsive: true });
    });
    document.dispatchEvent(new Event("drawn")); // a page that animates its charts must update them again
  };

  // Keep the plot elements if their number is the same, so that a chart keeps its zoom.
  const update = ({ main, figures: current }) => {
    const page = document.querySelector("main"), fresh = document.createElement("main");
    fresh.innerHTML = main;
    const places = [...fresh.querySelectorAll(".plot")];
    if (places.length === plots.length) places.forEach((place, i) => {
      plots[i].style.height = place.style.height;
      place.replaceWith(plots[i]);
    });
    page.replaceChildren(...fresh.childNodes);
    figures = current;
    plots = [...page.querySelectorAll(".plot")];
    document.title = page.querySelector("h1").textContent + " · descend";
    draw();
  };

  const { events } = document.body.dataset;
  if (events) {
    const source = new EventSource(events);
    source.onmessage = (event) => update(JSON.parse(event.data));
    source.addEventListener("end", () => source.close());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
    draw();
    return;
  }

  if (!plots.length) return;
  draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  addEventListener("beforeprint", () => { root.dataset.print = ""; draw(); });
  addEventListener("afterprint", () => { delete root.dataset.print; draw(); });
})();
