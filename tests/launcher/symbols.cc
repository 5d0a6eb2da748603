// Addresses of this very test, as a crash handler prints them, and what becomes of them.
#include "launcher/symbols.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <link.h>

namespace datagen::launcher {

// Not static: the name has to be in the symbol table, and not inlined.
__attribute__((noinline)) int function_to_be_named(int value) { return value * 3; }

namespace {

std::string call_of(void* address) {
  link_map* map = nullptr;
  Dl_info info{};
  dladdr1(address, &info, reinterpret_cast<void**>(&map), RTLD_DL_LINKMAP);
  return fmt::format("/proc/self/exe+{:#x}", reinterpret_cast<std::uintptr_t>(address) - map->l_addr);
}

TEST(Symbols, NameAFunctionOfAnExecutable) {
  void* address = reinterpret_cast<void*>(&function_to_be_named);
  const auto described = Symbols().describe({call_of(address)});
  ASSERT_EQ(described.size(), 1U);
  EXPECT_THAT(described[0], testing::HasSubstr("function_to_be_named(int)"));
  EXPECT_THAT(described[0], testing::HasSubstr("(exe+0x"));
}

TEST(Symbols, LeaveAloneWhatTheyDoNotKnow) {
  const std::vector<std::string> calls = {"/nonexistent/module+0x12", "0x7fff1234", "nonsense", "", "x+0xzz"};
  EXPECT_EQ(Symbols().describe(calls), calls);
}

}  // namespace
}  // namespace datagen::launcher
