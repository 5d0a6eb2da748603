#include "launcher/report_picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "launcher/progress_text.h"
#include "launcher/text_table.h"

namespace datagen::launcher {

namespace {

constexpr int kNodeWidth = 150, kNodeHeight = 62;
constexpr int kColumnStep = 296, kRowStep = 110;  // from one node to the next
constexpr int kMargin = 12;
constexpr int kChartWidth = 480, kChartHeight = 110, kAxis = 18;
constexpr std::size_t kIdColumns = 18;

struct Spot {
  int column = 0, row = 0;
  int x() const { return kMargin + column * kColumnStep; }
  int y() const { return kMargin + row * kRowStep; }
};

// Each stage one column behind the last of those that it reads; rows as they come.
std::vector<Spot> lay_out(const Plan& plan) {
  std::vector<Spot> spots(plan.stages.size());
  std::vector<int> rows(plan.stages.size() + 1);
  for (std::size_t stage = 0; stage < plan.stages.size(); ++stage) {
    for (const std::uint32_t edge : plan.stages[stage].in)
      spots[stage].column = std::max(spots[stage].column, spots[plan.edges[edge].from].column + 1);
    spots[stage].row = rows[static_cast<std::size_t>(spots[stage].column)]++;
  }
  return spots;
}

std::string percent(double share) { return fmt::format("{:.0f} %", 100 * share); }

std::string node(const PlannedStage& stage, const Spot& spot, const StageLoad& load, bool is_limit) {
  const int middle = spot.x() + kNodeWidth / 2;
  return fmt::format(
      "<g class=\"node{}\"><rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"6\"/>"
      "<text class=\"name\" x=\"{}\" y=\"{}\">{}</text><text x=\"{}\" y=\"{}\">{}</text>"
      "<text x=\"{}\" y=\"{}\">busy {}</text></g>\n",
      is_limit ? " limit" : "", spot.x(), spot.y(), kNodeWidth, kNodeHeight, middle, spot.y() + 20,
      escape_html(cut_to(stage.id, kIdColumns)), middle, spot.y() + 37, show_rate(load.records_per_second),
      middle, spot.y() + 53, percent(load.busy));
}

std::string edge(const Spot& from, const Spot& to, double fill, const StageLoad& before,
                 const StageLoad& behind) {
  const int x0 = from.x() + kNodeWidth, y0 = from.y() + kNodeHeight / 2;
  const int x1 = to.x(), y1 = to.y() + kNodeHeight / 2;
  const int bend = (x0 + x1) / 2;
  std::string text =
      fmt::format("<path class=\"edge\" d=\"M{0} {1} C{2} {1} {2} {3} {4} {3}\" marker-end=\"url(#tip)\"/>\n",
                  x0, y0, bend, y1, x1 - 6);
  const int middle = (y0 + y1) / 2;
  text += fmt::format("<text class=\"label\" x=\"{}\" y=\"{}\">{}, {} full</text>\n", bend, middle - 8,
                      show_rate(behind.records_per_second), percent(fill));
  text += fmt::format("<text class=\"label\" x=\"{}\" y=\"{}\">waits {} | {}</text>\n", bend, middle + 18,
                      percent(before.waits_for_room), percent(behind.waits_for_input));
  return text;
}

// 1, 2 or 5 times a power of ten, at least `value`.
double round_up(double value) {
  double unit = 1;
  while (unit < value) unit *= 10;
  while (unit > value * 10) unit /= 10;
  for (const double step : {0.1, 0.2, 0.5, 1.0})
    if (unit * step >= value) return unit * step;
  return unit;
}

}  // namespace

std::string graph_picture(const Plan& plan, const History& history) {
  const std::vector<Spot> spots = lay_out(plan);
  const std::vector<StageLoad> loads = history.loads(plan);
  const std::vector<double> fills = history.mean_fills();
  const auto limit = history.bottleneck(plan).stage;
  int width = 0, height = 0;
  for (const Spot& spot : spots) {
    width = std::max(width, spot.x() + kNodeWidth + kMargin);
    height = std::max(height, spot.y() + kNodeHeight + kMargin);
  }
  std::string text = fmt::format(
      "<svg class=\"graph\" role=\"img\" aria-label=\"the graph\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" "
      "height=\"{1}\">\n"
      "<defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"4\" refY=\"4\" markerWidth=\"7\" "
      "markerHeight=\"7\" "
      "orient=\"auto\"><path class=\"tip\" d=\"M0 0 L8 4 L0 8 z\"/></marker></defs>\n",
      width, height);
  for (std::size_t index = 0; index < plan.edges.size(); ++index) {
    const PlannedEdge& planned = plan.edges[index];
    text +=
        edge(spots[planned.from], spots[planned.to], fills[index], loads[planned.from], loads[planned.to]);
  }
  for (std::size_t stage = 0; stage < plan.stages.size(); ++stage)
    text += node(plan.stages[stage], spots[stage], loads[stage], limit == stage);
  return text + "</svg>\n";
}

std::string throughput_picture(const History& history, std::size_t stage) {
  const std::vector<Sample>& samples = history.samples();
  std::vector<double> rates;
  double most = 0;
  for (std::size_t index = 1; index < samples.size(); ++index) {
    const double seconds = samples[index].seconds - samples[index - 1].seconds;
    const auto records =
        static_cast<double>(samples[index].stages[stage].in - samples[index - 1].stages[stage].in);
    rates.push_back(seconds > 0 ? records / seconds : 0);
    most = std::max(most, rates.back());
  }
  if (most <= 0) return {};
  const double top = round_up(most), end = samples.back().seconds;
  const auto y_of = [&](double rate) { return kAxis + (kChartHeight - kAxis) * (1 - rate / top); };
  std::string points;
  for (std::size_t index = 0; index < rates.size(); ++index) {
    // A step: the rate held from one sample to the next.
    for (const double seconds : {samples[index].seconds, samples[index + 1].seconds})
      points += fmt::format("{:.1f},{:.1f} ", seconds / end * kChartWidth, y_of(rates[index]));
  }
  const int base = kChartHeight;
  return fmt::format(
      "<svg class=\"chart\" role=\"img\" aria-label=\"records per second\" viewBox=\"0 0 {0} {1}\">"
      "<line x1=\"0\" y1=\"{2}\" x2=\"{0}\" y2=\"{2}\"/><line x1=\"0\" y1=\"{3}\" x2=\"{0}\" y2=\"{3}\"/>"
      "<polygon points=\"0,{2} {4}{0},{2}\"/><polyline points=\"{4}\"/>"
      "<text x=\"0\" y=\"12\">{5}</text><text x=\"0\" y=\"{6}\">0s</text>"
      "<text class=\"end\" x=\"{0}\" y=\"{6}\">{7}</text></svg>\n",
      kChartWidth, base + kAxis, base, kAxis, points, show_rate(top), base + 14,
      show_duration(std::chrono::milliseconds(static_cast<long long>(end * 1000))));
}

std::string escape_html(const std::string& text) {
  std::string out;
  for (const char letter : text) {
    switch (letter) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += letter;
    }
  }
  return out;
}

}  // namespace datagen::launcher
