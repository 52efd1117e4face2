# Every target makes the virtual environment it needs, with what constraints.txt pins.
PYTHON ?= python3
SOURCES := pyproject.toml constraints.txt CMakeLists.txt README.md $(shell find csrc kernels python -type f -not -path '*/__pycache__/*')

# Builds in isolation are pinned too: newer pip reads the second name.
export PIP_CONSTRAINT := $(CURDIR)/constraints.txt
export PIP_BUILD_CONSTRAINT := $(CURDIR)/constraints.txt

# Nothing is compiled when it is installed, so what is imported must be kept: dozens of tests begin processes.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test lint sanitize bench clean

demo: .venv/demo/installed  ## distil both students on this machine's docstrings
	.venv/demo/bin/menura demo

test: .venv/test/installed  ## run the tests
	.venv/test/bin/python -m pytest --numprocesses=auto

lint: .venv/dev/installed  ## formatting, style and types
	.venv/dev/bin/ruff check .
	.venv/dev/bin/ruff format --check .
	.venv/dev/bin/mypy
	.venv/dev/bin/clang-format --dry-run --Werror csrc/*

# Python itself knows no sanitizers: their libraries come first, and what it leaks is not ours.
SANITIZED := LD_PRELOAD="$$(g++ -print-file-name=libasan.so) $$(g++ -print-file-name=libubsan.so)" ASAN_OPTIONS=detect_leaks=0

sanitize: $(SOURCES)  ## run the operators' tests on kernels that watch their memory and arithmetic
	$(PYTHON) -m venv .venv/sanitize
	.venv/sanitize/bin/python -m pip install --quiet --no-compile --disable-pip-version-check \
		-C build-dir=build/sanitize -C cmake.build-type=RelWithDebInfo -C cmake.define.MENURA_SANITIZE=ON ".[test]"
	$(SANITIZED) .venv/sanitize/bin/python -m pytest tests/ops -k "not triton and not gpu"

OPERATORS := .venv/bench/bin/menura bench --with benchmarks/peers.py --output benchmarks/results/operators_cpu.csv
KEEP_PAGES := MALLOC_MMAP_THRESHOLD_=4294967296 MALLOC_TRIM_THRESHOLD_=17179869184 MALLOC_TOP_PAD_=268435456

bench: .venv/bench/installed  ## measure the operators against their peers; leave the machine alone meanwhile
	$(OPERATORS)
	$(OPERATORS) --threads 1
	$(KEEP_PAGES) $(OPERATORS)
	MENURA_ISA=avx2 $(OPERATORS) --only maxsim_score
	.venv/bench/bin/menura bench --sweep --samples 5 --output benchmarks/results/shapes_cpu.csv
	.venv/bench/bin/python benchmarks/draw.py

# Python compiles what it imports; compiling everything that is installed would take longer than installing it.
.venv/%/installed: $(SOURCES)
	$(PYTHON) -m venv .venv/$*
	.venv/$*/bin/python -m pip install --quiet --no-compile --disable-pip-version-check ".[$*]"
	touch $@

clean:
	rm -rf .venv build
