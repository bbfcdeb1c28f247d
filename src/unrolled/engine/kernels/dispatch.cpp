#include "dispatch.hpp"

#include <atomic>

#if defined(__x86_64__)
#include "processor.hpp"
#endif

namespace unrolled {

namespace {

std::vector<const KernelTable*> usable() {
#if defined(__aarch64__)
  return {&kernel_table_neon};
#else
  std::vector<const KernelTable*> tables = {&kernel_table_baseline};
  const Processor has = this_processor();
  if (has.avx2) tables.push_back(&kernel_table_avx2);
  if (has.avx512) tables.push_back(&kernel_table_avx512);
  return tables;
#endif
}

std::atomic<const KernelTable*> chosen{nullptr};

}  // namespace

std::vector<std::string> usable_instruction_sets() {
  std::vector<std::string> names;
  for (const KernelTable* table : usable()) names.emplace_back(table->name);
  return names;
}

const KernelTable& kernel_table() {
  const KernelTable* table = chosen.load(std::memory_order_relaxed);
  if (!table) chosen.store(table = usable().back());
  return *table;
}

bool choose_instruction_set(const std::string& name) {
  for (const KernelTable* table : usable())
    if (name == table->name) {
      chosen.store(table);
      return true;
    }
  return false;
}

}  // namespace unrolled
