#include "isa.hpp"

#include <atomic>
#include <new>
#include <stdexcept>

namespace menura {
namespace {

struct Isa {
  const char* name;
  const Kernels* kernels;
  bool supported;
};

const std::vector<Isa>& isas() {
  static const std::vector<Isa> all = {
      {"scalar", &scalar_kernels, true},
#ifdef MENURA_X86
      {"avx2", &avx2_kernels,
       __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c")},
      {"avx512", &avx512_kernels,
       __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq")},
      {"avx512_bf16", &avx512_bf16_kernels,
       __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bf16") &&
           __builtin_cpu_supports("avx512vnni")},
#endif
  };
  return all;
}

const Isa* widest() {
  const Isa* found = nullptr;
  for (const Isa& isa : isas())
    if (isa.supported) found = &isa;
  return found;
}

std::atomic<const Isa*>& active() {
  static std::atomic<const Isa*> isa{widest()};
  return isa;
}

}  // namespace

std::vector<std::string> available_isas() {
  std::vector<std::string> names;
  for (const Isa& isa : isas())
    if (isa.supported) names.emplace_back(isa.name);
  return names;
}

std::string active_isa() { return active().load()->name; }

void set_isa(const std::string& name) {
  for (const Isa& isa : isas())
    if (isa.supported && name == isa.name) {
      active() = &isa;
      return;
    }
  std::string names;
  for (const std::string& available : available_isas()) names += (names.empty() ? "" : ", ") + available;
  throw std::invalid_argument("no kernels for the instruction set '" + name + "' here; available: " + names + ".");
}

void out_of_memory() { throw std::bad_alloc(); }

const Kernels& active_kernels() { return *active().load()->kernels; }

}  // namespace menura
