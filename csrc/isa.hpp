// Which instruction set runs: the widest that the CPU has, unless another is asked for.
#pragma once

#include <string>
#include <vector>

#include "kernels.hpp"

namespace menura {

std::vector<std::string> available_isas();
std::string active_isa();
void set_isa(const std::string& name);
const Kernels& active_kernels();

}  // namespace menura
