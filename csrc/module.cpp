// The Python face: one binding a kernel, and the choice of the instruction set.
#include <chrono>

#include "bind.hpp"
#include "block.hpp"

namespace menura {
namespace {

// Operations a second of one thread that only multiplies and adds numbers of `kind`, for about so many seconds.
double burn_peak(const std::string& kind, double seconds) {
  if (kind != "fp32" && kind != "bf16" && kind != "int8")
    throw std::invalid_argument("a kind must be fp32, bf16 or int8; got '" + kind + "'.");
  const Dtype dtype = kind == "fp32" ? Dtype::fp32 : kind == "bf16" ? Dtype::bf16 : Dtype::int8;
  const Kernels& kernels = active_kernels();
  const pybind11::gil_scoped_release release;
  const auto start = std::chrono::steady_clock::now();
  double operations = 0;
  double elapsed = 0;
  while (elapsed < seconds) {
    operations += kernels.burn(dtype, 10000);
    elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  return elapsed > 0 ? operations / elapsed : 0;
}

}  // namespace
}  // namespace menura

PYBIND11_MODULE(_C, m, pybind11::mod_gil_not_used()) {
  using namespace menura;
  m.doc() = "Menura's CPU kernels. Addresses come from torch tensors; menura.ops checks everything before.";
  m.def("isa", &active_isa);
  m.def("set_isa", &set_isa);
  m.def("available_isas", &available_isas);
  m.def("burn_peak", &burn_peak);
  pybind11::class_<Block>(m, "Block", pybind11::buffer_protocol())
      .def(pybind11::init<int64_t>())
      .def_buffer(
          [](Block& block) { return pybind11::buffer_info(static_cast<uint8_t*>(block.data()), block.bytes()); });
  m.def("release_blocks", &release_blocks);
  bind_maxsim(m);
  bind_sparse(m);
  bind_splade_head(m);
}
