// The Python face: one binding a kernel, and the choice of the instruction set.
#include "bind.hpp"

PYBIND11_MODULE(_C, m, pybind11::mod_gil_not_used()) {
  using namespace menura;
  m.doc() = "Menura's CPU kernels. Addresses come from torch tensors; menura.ops checks everything before.";
  m.def("isa", &active_isa);
  m.def("set_isa", &set_isa);
  m.def("available_isas", &available_isas);
  bind_maxsim(m);
  bind_sparse(m);
  bind_splade_head(m);
}
