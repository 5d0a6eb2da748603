// Which endpoint gets a call, how many it gets, and what it is given after failures.
#include "llm/endpoint_pool.h"

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <string>

#include "llm/retry_after.h"

namespace datagen::llm {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

EndpointSettings settings(const std::string& name, double weight = 1, const std::string& group = "",
                          std::int64_t in_flight_max = 100) {
  EndpointSettings made;
  made.name = name;
  made.weight = weight;
  made.group = group;
  made.in_flight_max = in_flight_max;
  return made;
}

const Endpoint::Time kStart{seconds(1000)};

TEST(EndpointPool, TurnsAreSpreadByWeight) {
  EndpointPool pool({settings("a", 3), settings("b", 1)}, false);
  std::string turns;
  for (int call = 0; call < 8; ++call) {
    Endpoint* chosen = pool.pick(kStart);
    ASSERT_NE(chosen, nullptr);
    turns += chosen->settings().name;
  }
  EXPECT_EQ(turns, "aabaaaba");
}

TEST(EndpointPool, TheLeastBusyIsChosen) {
  EndpointPool pool({settings("a"), settings("b", 2)}, true);
  std::map<std::string, int> calls;
  for (int call = 0; call < 30; ++call) {
    Endpoint* chosen = pool.pick(kStart);
    chosen->begin();
    ++calls[chosen->settings().name];
  }
  EXPECT_EQ(calls["a"], 10);
  EXPECT_EQ(calls["b"], 20);
}

TEST(EndpointPool, TheNextGroupIsUsedWhenTheFirstIsDownAndOnlyThen) {
  EndpointPool pool({settings("first", 1, "main", 2), settings("second", 1, "spare", 2)}, false);
  for (int call = 0; call < 2; ++call) pool.pick(kStart)->begin();
  EXPECT_EQ(pool.pick(kStart), nullptr) << "busy is not down";
  Endpoint& first = pool.endpoints()[0];
  for (int failure = 0; failure < 2; ++failure) first.failed(kStart, kStart, false);
  for (int failure = 0; failure < 3; ++failure) first.begin(), first.failed(kStart, kStart, false);
  ASSERT_FALSE(first.is_up());
  EXPECT_EQ(pool.pick(kStart)->settings().name, "second");
  EXPECT_FALSE(pool.is_down());
  // After a while one call tries the first.
  const auto later = kStart + seconds(2);
  Endpoint* probe = pool.pick(later);
  EXPECT_EQ(probe->settings().name, "first");
  probe->begin();
  EXPECT_EQ(pool.pick(later)->settings().name, "second") << "one probe at a time";
  probe->succeeded(later, later + milliseconds(10));
  EXPECT_TRUE(first.is_up());
  EXPECT_EQ(pool.pick(later)->settings().name, "first");
}

TEST(Endpoint, AProbeThatFailsKeepsTheBreakerOpenForLonger) {
  Endpoint endpoint(settings("a"));
  for (int failure = 0; failure < 5; ++failure) endpoint.begin(), endpoint.failed(kStart, kStart, false);
  EXPECT_FALSE(endpoint.can_take(kStart + milliseconds(999)));
  EXPECT_TRUE(endpoint.can_take(kStart + milliseconds(1000)));
  endpoint.begin();
  const auto now = kStart + milliseconds(1000);
  endpoint.failed(now, now, false);
  EXPECT_FALSE(endpoint.can_take(now + milliseconds(999)));
  endpoint.begin();
  endpoint.failed(now, now + milliseconds(1000), false);
  EXPECT_FALSE(endpoint.can_take(now + milliseconds(2900)));
  EXPECT_TRUE(endpoint.can_take(now + milliseconds(3100)));
}

TEST(Endpoint, GetsMoreAndMoreAtTheBeginningWithoutWaitingForAnswers) {
  Endpoint endpoint(settings("a", 1, "", 1000));
  const auto begin_all = [&](Endpoint::Time now) {
    while (endpoint.can_take(now)) endpoint.begin();
    return endpoint.in_flight();
  };
  EXPECT_EQ(begin_all(kStart), 256);
  EXPECT_EQ(endpoint.next_chance(), kStart + milliseconds(50));
  EXPECT_EQ(begin_all(kStart + milliseconds(49)), 256);
  EXPECT_EQ(begin_all(kStart + milliseconds(50)), 512);
  EXPECT_EQ(begin_all(kStart + milliseconds(100)), 768);
  Endpoint other = endpoint;
  EXPECT_EQ(begin_all(kStart + milliseconds(150)), 1000);
  EXPECT_LE(endpoint.next_chance(), kStart) << "only the end of a call makes room";
  EXPECT_EQ(begin_all(kStart + seconds(9)), 1000);
  other.throttled(kStart, kStart + milliseconds(110));
  EXPECT_FALSE(other.can_take(kStart + seconds(9))) << "it has said that it is enough";
  EXPECT_DOUBLE_EQ(other.limit(), 768 * 0.7);
}

TEST(Endpoint, A429LowersItsLimitOnceForAllCallsThatWereOnTheirWay) {
  Endpoint endpoint(settings("a", 1, "", 100));
  for (int call = 0; call < 10; ++call) endpoint.begin();
  const double before = endpoint.limit();
  for (int call = 0; call < 10; ++call) endpoint.throttled(kStart, kStart + milliseconds(10 + call));
  EXPECT_DOUBLE_EQ(endpoint.limit(), before * 0.7);
  endpoint.begin();
  endpoint.throttled(kStart + seconds(1), kStart + seconds(2));
  EXPECT_DOUBLE_EQ(endpoint.limit(), before * 0.49);
}

TEST(Endpoint, GrowsBackToItsMostWithSuccess) {
  Endpoint endpoint(settings("a", 1, "", 64));
  auto now = kStart;
  for (int round = 0; round < 30; ++round) {
    endpoint.begin();
    endpoint.throttled(now, now);
    now += seconds(1);
  }
  EXPECT_LT(endpoint.limit(), 2);
  int calls = 0;
  while (endpoint.limit() < 64) {
    ASSERT_LT(++calls, 3000);
    endpoint.begin();
    endpoint.succeeded(now, now + milliseconds(100));
    now += milliseconds(1);
  }
}

TEST(Endpoint, WaitsAsLongAsItIsTold) {
  Endpoint endpoint(settings("a"));
  endpoint.hold_until(kStart + seconds(7));
  EXPECT_FALSE(endpoint.can_take(kStart + seconds(6)));
  EXPECT_EQ(endpoint.next_chance(), kStart + seconds(7));
  EXPECT_TRUE(endpoint.can_take(kStart + seconds(7)));
}

TEST(RetryAfter, IsReadInAllItsForms) {
  const auto of = [](const char* name, const char* value) {
    HttpResponse response;
    response.headers = {{name, value}};
    return retry_after(response).count();
  };
  EXPECT_EQ(of("retry-after", "3"), 3000);
  EXPECT_EQ(of("retry-after", "0.25"), 250);
  EXPECT_EQ(of("retry-after-ms", "120"), 120);
  EXPECT_EQ(of("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT"), 0);
  EXPECT_GT(of("retry-after", "Sun, 06 Nov 2094 08:49:37 GMT"), 1'000'000);
  EXPECT_EQ(of("retry-after", "soon"), 0);
  EXPECT_EQ(parse_span("6m0s").count(), 360'000);
  EXPECT_EQ(parse_span("1h2m3.5s").count(), 3'723'500);
  EXPECT_EQ(parse_span("20ms").count(), 20);
  EXPECT_EQ(parse_span("-1s").count(), 0);
}

TEST(RetryAfter, AnEmptyAllowanceMakesAPause) {
  HttpResponse response;
  response.headers = {{"x-ratelimit-remaining-requests", "0"},
                      {"x-ratelimit-reset-requests", "1.5s"},
                      {"x-ratelimit-remaining-tokens", "10"},
                      {"x-ratelimit-reset-tokens", "6m0s"}};
  EXPECT_EQ(rate_limit_pause(response).count(), 1500);
}

}  // namespace
}  // namespace datagen::llm
