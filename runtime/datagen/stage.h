// Write a stage: an executable that turns records into records. See docs/writing_stages.md.
//
//   int main(int argc, char** argv) {
//     return datagen::run_stage(argc, argv, [](datagen::Item& item, datagen::Context&) {
//       item.set("len", datagen::count_code_points(item.text("text")));
//     });
//   }
//
// Started by the launcher it works on shared-memory rings; started by hand it is a filter on JSON Lines.
#pragma once

#include <concepts>
#include <functional>
#include <iosfwd>
#include <memory>
#include <type_traits>
#include <utility>

#include <datagen/context.h>
#include <datagen/item.h>
#include <datagen/parameters.h>
#include <datagen/text.h>

namespace datagen {

// Override process_item or process_batch. Without `save`, process_item is called on one object from
// `threads` threads and must be thread-safe. With it the stage is stateful: one worker, one thread, records
// in order, and its state is saved at every commit.
//
// One whose process_item does nothing may say so, by a member `static constexpr bool hands_on_untouched =
// true`: it is not called then for frames of a single branch, which pass as they are.
struct Operator {
  virtual ~Operator() = default;
  static void describe(Parameters&) {}
  // Once, before the first record. Throw to refuse to start, with what is wrong and what to do.
  virtual void open(Context&) {}
  virtual void process_item(Item&, Context&);
  virtual void process_batch(Batch&, Context&);
  // End of the stream, for aggregates: one worker, records in order.
  virtual void finish(Emitter&, Context&) {}
  virtual void save(std::ostream&) const {}
  virtual void load(std::istream&) {}
};

namespace detail {

// A stage as the runtime sees it; made by run_stage.
struct StageDefinition {
  Parameters parameters;
  std::function<std::unique_ptr<Operator>()> make;
  bool batch = false;
  bool stateful = false;  // has save, or finish: strict order, one worker
  bool hands_on_untouched = false;
};

int run_stage(int argc, char** argv, const StageDefinition& definition);

// Whether Op overrides a member of Operator: the member pointer then has another class.
template <class Member>
struct ClassOf;
template <class C, class F>
struct ClassOf<F C::*> {
  using type = C;
};
template <auto Member>
constexpr bool kOverridden = !std::same_as<typename ClassOf<decltype(Member)>::type, Operator>;

template <class Op>
StageDefinition define_stage() {
  static_assert(std::derived_from<Op, Operator>, "run_stage<Op>: Op derives from datagen::Operator");
  constexpr bool item = kOverridden<&Op::process_item>;
  constexpr bool batch = kOverridden<&Op::process_batch>;
  static_assert(item != batch, "run_stage<Op>: Op overrides one of process_item and process_batch");
  StageDefinition definition;
  Op::describe(definition.parameters);
  definition.make = [] { return std::make_unique<Op>(); };
  definition.batch = batch;
  definition.stateful = kOverridden<&Op::save> || kOverridden<&Op::finish>;
  if constexpr (requires { Op::hands_on_untouched; }) definition.hands_on_untouched = Op::hands_on_untouched;
  return definition;
}

template <class F>
StageDefinition define_item_stage(F function) {
  struct FunctionOperator final : Operator {
    explicit FunctionOperator(F f) : function(std::move(f)) {}
    void process_item(Item& item, Context& context) override { function(item, context); }
    F function;
  };
  StageDefinition definition;
  definition.make = [function = std::move(function)] { return std::make_unique<FunctionOperator>(function); };
  return definition;
}

template <class F>
StageDefinition define_batch_stage(F function) {
  struct FunctionOperator final : Operator {
    explicit FunctionOperator(F f) : function(std::move(f)) {}
    void process_batch(Batch& batch, Context& context) override { function(batch, context); }
    F function;
  };
  StageDefinition definition;
  definition.make = [function = std::move(function)] { return std::make_unique<FunctionOperator>(function); };
  definition.batch = true;
  return definition;
}

}  // namespace detail

template <class F>
concept ItemFunction = std::invocable<F&, Item&, Context&> && std::copy_constructible<F>;
template <class F>
concept BatchFunction = std::invocable<F&, Batch&, Context&> && std::copy_constructible<F>;

// Each is a whole main(): parses the command line, runs as worker or filter, returns the exit code.
template <ItemFunction F>
int run_stage(int argc, char** argv, F function) {
  return detail::run_stage(argc, argv, detail::define_item_stage(std::move(function)));
}
template <BatchFunction F>
int run_batch_stage(int argc, char** argv, F function) {
  return detail::run_stage(argc, argv, detail::define_batch_stage(std::move(function)));
}
template <class Op>
int run_stage(int argc, char** argv) {
  return detail::run_stage(argc, argv, detail::define_stage<Op>());
}

}  // namespace datagen
