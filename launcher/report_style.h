// The style sheet of report.html: for laptop width, light and dark.
#pragma once

namespace datagen::launcher {

constexpr const char* kReportStyle = R"(
:root { color-scheme: light dark; --paper: #fff; --ink: #1c2128; --soft: #59636e; --line: #d5dae0; --fill: #f4f6f8;
  --accent: #0a66c2; --bad: #b3261e; --good: #1a7f37; }
@media (prefers-color-scheme: dark) { :root { --paper: #14181d; --ink: #e3e8ee; --soft: #98a3af; --line: #343b44;
  --fill: #1d232a; --accent: #6cb0f5; --bad: #ff8a80; --good: #6fcf87; } }
body { background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; max-width: 1120px;
  margin: 0 auto; padding: 24px; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .6rem; }
p { margin: .4rem 0; } .soft { color: var(--soft); } .bad { color: var(--bad); } .good { color: var(--good); }
.tiles { display: flex; flex-wrap: wrap; gap: 12px; margin: 1rem 0; }
.tiles div { background: var(--fill); border: 1px solid var(--line); border-radius: 8px; padding: 8px 16px; min-width: 96px; }
.tiles b { display: block; font-size: 1.3rem; font-variant-numeric: tabular-nums; }
.limit-words { border-left: 4px solid var(--accent); background: var(--fill); padding: 8px 14px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 4px 10px; border-bottom: 1px solid var(--line); vertical-align: top; white-space: nowrap; }
th { color: var(--soft); font-weight: 600; } th:first-child, td:first-child, .names2 :nth-child(2), .names4 :nth-child(-n+4) { text-align: left; }
th { white-space: normal; vertical-align: bottom; }
.wide { overflow-x: auto; } code, pre { font: 13px/1.45 ui-monospace, monospace; }
pre { margin: 2px 0 8px; white-space: pre-wrap; overflow-wrap: anywhere; background: var(--fill); padding: 6px 10px; border-radius: 6px; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(420px, 1fr)); gap: 8px 28px; }
.charts h3 { font-size: .95rem; margin: .6rem 0 0; } svg text { fill: var(--soft); font-size: 12px; }
.graph text { text-anchor: middle; } .graph rect { fill: var(--fill); stroke: var(--line); }
.graph .name { fill: var(--ink); font-size: 14px; font-weight: 600; }
.graph .limit rect { stroke: var(--accent); stroke-width: 3; } .edge { fill: none; stroke: var(--soft); stroke-width: 1.5; }
.tip { fill: var(--soft); } .chart { width: 100%; } .chart line { stroke: var(--line); }
.chart polygon { fill: var(--accent); opacity: .15; } .chart polyline { fill: none; stroke: var(--accent); stroke-width: 1.5; }
.chart .end { text-anchor: end; }
)";

}  // namespace datagen::launcher
