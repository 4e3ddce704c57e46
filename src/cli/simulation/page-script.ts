/** Runs in the reader's browser: draws the series of the chosen case, again whenever size or colours change. */
export const pageScript = `
(() => {
  const cases = JSON.parse(document.getElementById("data").textContent);
  const holder = document.getElementById("charts");
  const select = document.getElementById("case");
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
  const hues = ["blue", "useful", "warm", "corrupted", "duplicate", "crashed"];
  const units = [["d", 864e5], ["h", 36e5], ["min", 6e4], ["s", 1e3]];
  const timeText = (ms, span) => {
    const [name, size] = units.find(([, size]) => span >= 3 * size) ?? units[3];
    return String(+(ms / size).toFixed(2)) + " " + name;
  };
  const steps = [1e3, 2e3, 5e3, 1e4, 3e4, 6e4, 12e4, 3e5, 6e5, 12e5, 18e5, 36e5, 72e5, 108e5, 216e5, 432e5, 864e5, 1728e5, 6048e5, 2592e6];
  const short = (v) => v >= 1e6 ? +(v / 1e6).toFixed(2) + " M" : v >= 1e4 ? +(v / 1e3).toFixed(1) + " k" : String(+v.toFixed(1));
  function chart(title, list, fillFirst) {
    const heading = document.createElement("h3");
    heading.textContent = title;
    holder.append(heading);
    const axis = { stroke: colour("soft"), grid: { stroke: colour("line"), width: 1 }, ticks: { show: false }, font: "12px system-ui" };
    new uPlot({
      width: holder.clientWidth, height: 210, cursor: { sync: { key: "time" }, points: { size: 7 } },
      scales: { x: { time: false }, y: { range: (_, low, high) => [0, (high || 1) * 1.05] } },
      axes: [
        { ...axis, incrs: steps, space: 90, values: (u, at) => at.map((ms) => timeText(ms, u.scales.x.max - u.scales.x.min)) },
        { ...axis, size: 60, values: (_, at) => at.map(short) },
      ],
      series: [
        { label: "time", value: (u, ms) => ms == null ? "–" : timeText(ms, ms) },
        ...list.map(({ label }, at) => ({
          label, width: 1.6, stroke: colour(hues[at % hues.length]), points: { show: false }, value: (_, v) => v == null ? "–" : short(v),
          ...(fillFirst && at === 0 ? { fill: colour(hues[0]) + "2e" } : {}),
        })),
      ],
    }, [list[0].atMs, ...list.map(({ values }) => values)], holder);
  }
  function draw() {
    holder.textContent = "";
    const { series } = cases[select ? Number(select.value) : 0];
    const find = (name, label) => series.filter((it) => it.name === name).map((it) => ({ ...it, label }));
    chart("Slots: busy, and there", [...find("busySlots", "busy"), ...find("slots", "there")], true);
    chart("Workers that are on", series.filter((it) => it.name.startsWith("workers ")).map((it) => ({ ...it, label: it.name.slice(8) })), false);
    chart("Inputs done", find("inputsDone", "inputs"), true);
    chart("Messages a second at the hub", find("messages", "messages"), false);
  }
  select?.addEventListener("change", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  let width = innerWidth;
  addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; draw(); } });
  draw();
})();
`;
