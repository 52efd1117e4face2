// The Python face: one binding a kernel, and the choice of the instruction set.
#include "bind.hpp"
#include "huge_pages.hpp"

namespace menura {
namespace {

double burn(int dtype, int64_t steps) {
  const pybind11::gil_scoped_release release;
  return active_kernels().burn(static_cast<Dtype>(dtype), steps);
}

}  // namespace
}  // namespace menura

PYBIND11_MODULE(_C, m, pybind11::mod_gil_not_used()) {
  using namespace menura;
  m.doc() = "Menura's CPU kernels. Addresses come from torch tensors; menura.ops checks everything before.";
  m.def("isa", &active_isa);
  m.def("set_isa", &set_isa);
  m.def("available_isas", &available_isas);
  m.def("burn", &burn);
  m.def("advise_huge_pages", [](Address data, int64_t bytes) { advise_huge_pages(at<void>(data), bytes); });
  bind_maxsim(m);
  bind_sparse(m);
  bind_splade_head(m);
}
