#include "llm/endpoint_settings.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <set>
#include <stdexcept>
#include <string>

#include "llm/chat_request.h"
#include "runtime/json_fields.h"
#include "runtime/secret.h"

namespace datagen::llm {

namespace {

namespace dom = simdjson::dom;
using json::text_of;

constexpr const char* kAzureVersion = "2024-10-21";

bool is_reference(std::string_view text) { return text.starts_with("env:") || text.starts_with("file:"); }

// Such as a key that stands in the url.
void check_url(std::string_view url) {
  if (!url.starts_with("http://") && !url.starts_with("https://"))
    throw std::invalid_argument("expected http://… or https://…");
  const std::string_view rest = url.substr(url.find("://") + 3);
  if (rest.substr(0, rest.find('/')).find('@') != std::string_view::npos ||
      rest.find_first_of("?#") != std::string_view::npos)
    throw std::invalid_argument(
        "a url of an endpoint holds no user, password or query: it is shown; give keys as api_key or "
        "headers");
}

// Their values are secrets.
bool is_secret_header(std::string_view name) {
  constexpr std::array<std::string_view, 5> kSecret{"authorization", "proxy-authorization", "api-key",
                                                    "x-api-key", "cookie"};
  return std::ranges::any_of(kSecret, [&](std::string_view secret) {
    return std::ranges::equal(secret, name, {}, {}, [](unsigned char c) { return std::tolower(c); });
  });
}

void check_headers(dom::element entry) {
  dom::object headers;
  if (entry["headers"].get(headers) != simdjson::SUCCESS) return;
  for (const auto header : headers) {
    std::string_view value;
    if (header.value.get(value) != simdjson::SUCCESS) throw std::invalid_argument("a header is a text");
    if (is_secret_header(header.key) && !is_reference(value))
      throw std::invalid_argument("header '" + std::string(header.key) +
                                  "' is a secret: give it as env:NAME or file:PATH");
  }
}

const std::set<std::string_view> kKeys{"name",  "url",           "model",       "api_key",
                                       "api",   "deployment",    "api_version", "weight",
                                       "group", "max_in_flight", "headers",     "ca_file"};

// Everything but what the secrets are: this runs before a run begins, too.
void check_endpoints(std::string_view text) {
  dom::parser parser;
  dom::array list;
  if (parser.parse(text.data(), text.size()).get(list) != simdjson::SUCCESS || list.size() == 0)
    throw std::invalid_argument("expected a list of maps, each with url and model");
  for (const dom::element entry : list) {
    dom::object members;
    if (entry.get(members) != simdjson::SUCCESS)
      throw std::invalid_argument("expected a list of maps, each with url and model");
    for (const auto member : members) {
      if (!kKeys.contains(member.key))
        throw std::invalid_argument("an endpoint has no '" + std::string(member.key) + "'");
    }
    if (text_of(entry, "url").empty()) throw std::invalid_argument("an endpoint has no url");
    check_url(text_of(entry, "url"));
    check_headers(entry);
    dom::element key;
    if (entry["api_key"].get(key) == simdjson::SUCCESS && !is_reference(text_of(entry, "api_key")))
      throw std::invalid_argument(
          "an api_key is a secret: give it as env:NAME or file:PATH, so that it stands in no file of the "
          "run");
    const std::string api = text_of(entry, "api", "openai");
    if (api != "openai" && api != "azure")
      throw std::invalid_argument("api is openai or azure, not '" + api + "'");
  }
}

std::string host_and_path(std::string_view url) { return std::string(url.substr(url.find("://") + 3)); }

std::string host_of(std::string_view url) {
  const std::string all = host_and_path(url);
  return all.substr(0, all.find('/'));
}

std::string secret(const std::string& reference) {
  auto value = read_secret(reference);
  if (!value) throw std::invalid_argument(value.error().message());
  if (value.value().find_first_of("\r\n") != std::string::npos)
    throw std::invalid_argument(reference + " holds more than one line");
  return std::move(value).value();
}

std::string version_query(const std::string& version) { return "?api-version=" + version; }

void set_api(dom::element entry, std::string base, std::string_view api, const std::string& key,
             EndpointSettings& settings) {
  while (base.ends_with('/')) base.pop_back();
  if (const std::string form = text_of(entry, "api"); !form.empty()) settings.is_azure = form == "azure";
  if (const std::string version = text_of(entry, "api_version"); !version.empty())
    settings.query = version_query(version);
  if (settings.is_azure) {
    if (!base.ends_with("/openai")) base += "/openai";
    // Files and batches belong to no deployment.
    settings.url = api.empty() ? base
                               : base + "/deployments/" + text_of(entry, "deployment", settings.model) +
                                     std::string(api);
    if (!key.empty()) settings.headers.push_back("api-key: " + key);
    return;
  }
  settings.query.clear();
  settings.url = base.ends_with(api) ? base : base + std::string(api);
  if (!key.empty()) settings.headers.push_back("Authorization: Bearer " + key);
}

EndpointSettings read_entry(dom::element entry, std::string_view api, const std::string& key,
                            const EndpointSettings& defaults) {
  EndpointSettings settings = defaults;
  const std::string base = text_of(entry, "url");
  check_url(base);
  settings.name = text_of(entry, "name", host_of(base));
  settings.model = text_of(entry, "model", defaults.model);
  settings.group = text_of(entry, "group");
  settings.ca_file = text_of(entry, "ca_file");
  settings.in_flight_max = static_cast<std::int64_t>(
      json::number(entry, "max_in_flight", static_cast<std::uint64_t>(defaults.in_flight_max)));
  if (double weight = 1; entry["weight"].get(weight) == simdjson::SUCCESS) settings.weight = weight;
  if (settings.in_flight_max < 1 || !(settings.weight > 0))
    throw std::invalid_argument("endpoint " + settings.name + ": max_in_flight and weight are larger than 0");
  if (settings.model.empty()) throw std::invalid_argument("endpoint " + settings.name + " has no model");
  set_api(entry, base, api, key, settings);
  if (!key.empty()) settings.secrets.push_back(key);
  dom::object headers;
  if (entry["headers"].get(headers) == simdjson::SUCCESS) {
    for (const auto header : headers) {
      const std::string value(header.value.get_string().value());
      if (is_reference(value)) settings.secrets.push_back(secret(value));
      settings.headers.push_back(std::string(header.key) + ": " +
                                 (is_reference(value) ? settings.secrets.back() : value));
    }
  }
  return settings;
}

// Those that the graph gives no name are told by their host, and by path too where several have the same.
void name_apart(std::vector<EndpointSettings>& all, std::string_view api) {
  std::map<std::string, std::vector<EndpointSettings*>> by_name;
  for (EndpointSettings& settings : all) by_name[settings.name].push_back(&settings);
  for (const auto& [name, same] : by_name) {
    if (same.size() == 1) continue;
    for (EndpointSettings* settings : same) {
      if (settings->name != host_of(settings->url)) continue;
      settings->name = host_and_path(settings->url);
      if (settings->name.ends_with(api)) settings->name.resize(settings->name.size() - api.size());
    }
  }
}

// Of all that says nothing else.
EndpointSettings defaults_of(const Context& c) {
  EndpointSettings defaults;
  if (c.has_param("model")) defaults.model = c.param<std::string>("model");
  defaults.is_azure = c.param<std::string>("api") == "azure";
  defaults.query = version_query(c.param<std::string>("api_version"));
  return defaults;
}

// The one of describe_endpoint().
EndpointSettings the_endpoint(const Context& c, std::string_view api, const EndpointSettings& defaults) {
  const std::string key = c.has_param("api_key") ? c.param<std::string>("api_key") : std::string();
  dom::parser parser;
  std::string entry = "{\"url\":" + json_text(c.param<std::string>("url"));
  if (c.has_param("deployment")) entry += ",\"deployment\":" + json_text(c.param<std::string>("deployment"));
  entry += "}";
  return read_entry(parser.parse(entry), api, key, defaults);
}

}  // namespace

std::vector<EndpointSettings> read_endpoints(const Context& c, std::string_view api) {
  if (c.has_param("endpoints") == c.has_param("url"))
    throw std::invalid_argument("give either 'url' (with model and api_key) or 'endpoints'");
  EndpointSettings defaults = defaults_of(c);
  defaults.in_flight_max = c.param<std::int64_t>("max_in_flight");
  defaults.slowdown_max = c.param<double>("slowdown_max");
  if (c.has_param("url")) return {the_endpoint(c, api, defaults)};
  for (const char* name : {"api_key", "deployment"}) {
    if (c.has_param(name))
      throw std::invalid_argument("'" + std::string(name) +
                                  "' goes with 'url'; each of 'endpoints' has its own");
  }
  dom::parser parser;
  std::vector<EndpointSettings> all;
  const auto text = c.param<std::string>("endpoints");
  for (const dom::element entry : parser.parse(text).get_array()) {
    const std::string reference = text_of(entry, "api_key");
    all.push_back(read_entry(entry, api, reference.empty() ? reference : secret(reference), defaults));
  }
  name_apart(all, api);
  return all;
}

EndpointSettings read_endpoint(const Context& c) {
  if (!c.has_param("url")) throw std::invalid_argument("give 'url'");
  return the_endpoint(c, "", defaults_of(c));
}

void describe_endpoint(Parameters& p) {
  p.text("url").running().checked_by(check_url).help("the API's base, for example http://localhost:8000/v1");
  p.text("model").help("name of the model at that server");
  p.text("api_key").secret().running().help("of that server");
  p.choice("api", {"openai", "azure"}, "openai")
      .running()
      .help("paths and key header, as that server has them");
  p.text("api_version", kAzureVersion).running().help("of Azure's API");
}

void describe_endpoints(Parameters& p) {
  describe_endpoint(p);
  p.text("deployment").running().help("Azure's name of the model (default: model)");
  p.json("endpoints")
      .running()
      .path()
      .checked_by(check_endpoints)
      .help("instead of url: a list of {url, model, api_key, name, weight, group, max_in_flight, …}");
  p.choice("balance", {"round_robin", "least_busy"}, "round_robin")
      .running()
      .help("among the endpoints of a group");
  p.integer("max_in_flight", 256)
      .min(1)
      .max(100'000)
      .running()
      .help("most calls at once to an endpoint, in each worker");
  p.number("slowdown_max", 10)
      .min(0)
      .running()
      .help("an endpoint gets fewer calls when its latency is so many times its best; 0: whatever it is");
}

}  // namespace datagen::llm
