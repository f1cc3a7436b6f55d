// A chart is one stop of the Tab key; the arrows go from bar to bar. Without this file every bar is a stop.
const STEPS = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 };

function prepare() {
  for (const chart of document.querySelectorAll("[data-chart]:not([data-ready])")) {
    chart.dataset.ready = "";
    const bars = [...chart.querySelectorAll("a")];
    for (const [at, bar] of bars.entries()) bar.setAttribute("tabindex", at ? "-1" : "0");
    chart.addEventListener("keydown", (event) => move(event, bars));
  }
}

function move(event, bars) {
  const from = bars.indexOf(event.target);
  const to = { Home: 0, End: bars.length - 1 }[event.key] ?? from + (STEPS[event.key] ?? 0);
  if (from < 0 || to === from || !bars[to]) return;
  event.preventDefault();
  bars[from].setAttribute("tabindex", "-1");
  bars[to].setAttribute("tabindex", "0");
  bars[to].focus();
}

prepare();
document.addEventListener("htmx:after:swap", prepare);
