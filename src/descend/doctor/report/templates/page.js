// Draws the figures in the page's own colours, again when the dress changes, and in daylight for print.
(() => {
  const PRINT_WIDTH = 640; // pixels: narrower than A4 and Letter between their margins
  const root = document.documentElement;
  let figures = JSON.parse(document.getElementById("figures").textContent);
  let plots = [...document.querySelectorAll(".plot")];

  const tone = (name) => getComputedStyle(root).getPropertyValue("--" + name).trim();

  const dressed = (value, key = "") => {
    if (Array.isArray(value)) return value.map((item) => dressed(item, key));
    if (value && typeof value === "object")
      return Object.fromEntries(Object.entries(value).map(([k, item]) => [k, dressed(item, k)]));
    return typeof value === "string" && /color(scale)?$/.test(key) ? tone(value) || value : value;
  };

  const axis = (own) => {
    const font = { color: tone("soft"), size: 12 };
    const lines = { gridcolor: tone("rule"), linecolor: tone("faint"), tickcolor: tone("faint") };
    const plain = { zeroline: false, ticks: "outside", ticklen: 4, showline: true };
    return { ...plain, ...lines, ...own, title: { font, ...own.title }, tickfont: { ...font, ...own.tickfont } };
  };

  const layout = (own) => {
    const look = dressed(own);
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
      const { data, layout: own } = figures[i];
      Plotly.react(plot, dressed(data), layout(own), { displayModeBar: false, responsive: true });
    });
    document.dispatchEvent(new Event("drawn")); // what a page moves in its charts is moved again
  };

  const copy = async (button, pre) => {
    try {
      // The element's own text would do, had the parser not turned the patch's \r\n into \n.
      await navigator.clipboard.writeText(JSON.parse(document.getElementById("patch-text").textContent));
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(pre);
      button.textContent = document.execCommand("copy") ? "Copied" : "Selected: press Ctrl-C";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  };

  // The plots stay where they are as long as there are as many: a chart that is looked at keeps its zoom.
  const change = ({ main, figures: now }) => {
    const page = document.querySelector("main"), fresh = document.createElement("main");
    fresh.innerHTML = main;
    const places = [...fresh.querySelectorAll(".plot")];
    if (places.length === plots.length) places.forEach((place, i) => {
      plots[i].style.height = place.style.height;
      place.replaceWith(plots[i]);
    });
    page.replaceChildren(...fresh.childNodes);
    figures = now;
    plots = [...page.querySelectorAll(".plot")];
    document.title = page.querySelector("h1").textContent + " · descend";
    draw();
  };

  const { events } = document.body.dataset;
  if (events) {
    const source = new EventSource(events);
    source.onmessage = (event) => change(JSON.parse(event.data));
    source.addEventListener("end", () => source.close());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
    draw();
    return;
  }

  const button = document.getElementById("copy");
  if (button) button.addEventListener("click", () => copy(button, document.getElementById("patch")));
  if (!plots.length) return;
  draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  addEventListener("beforeprint", () => { root.dataset.print = ""; draw(); });
  addEventListener("afterprint", () => { delete root.dataset.print; draw(); });
})();
