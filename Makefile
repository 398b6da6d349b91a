# `make demo` and `make test` set up what they need, once; `make help` lists the rest.

PYTHON ?= python3
DFS_OPTIONS ?=
PYTEST_OPTIONS ?=

ifdef ROS_DISTRO
# A sourced ROS installation brings its own rclpy; the wheels of the [ros] extra must not be mixed with it.
VENV ?= .venv-$(ROS_DISTRO)
VENV_OPTIONS := --system-site-packages
RUN_EXTRAS := cpu,bags,view
CONSTRAINTS := 'numpy<2'
else
VENV ?= .venv
VENV_OPTIONS :=
RUN_EXTRAS := cpu,bags,view,ros
CONSTRAINTS :=
endif

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet --quiet
RUN_STAMP := $(VENV)/.installed-run
TEST_STAMP := $(VENV)/.installed-test

CAMVID ?= camvid

.PHONY: help demo test lint weights ablation clean
.DELETE_ON_ERROR:

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /make \1\t/p' $(MAKEFILE_LIST)

demo: $(RUN_STAMP) ## play a foggy bag through the real node; leaves demo/
	@$(BIN)/dfs demo $(DFS_OPTIONS)

test: $(TEST_STAMP) ## run all tests, two at a time; some need Debian's chromium and chromium-driver, else they are skipped
	@$(BIN)/python -m pytest --numprocesses 2 $(PYTEST_OPTIONS)

lint: $(TEST_STAMP) ## check format, style and types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

TRAIN = $(BIN)/dfs train --set data.root=$(CAMVID) --out runs/$(1) --config config/train/$(1)_camvid.yaml

weights: $(TEST_STAMP) ## train what ships, in less than four hours: make weights CAMVID=FOLDER; goes on where it stopped
	@$(call TRAIN,loss_segmenter)
	@$(call TRAIN,dfs_fast_start)
	@$(call TRAIN,dfs_fast_whole)
	@$(call TRAIN,dfs_fast)
	@$(call TRAIN,dfs_fast_sky)
	@$(call TRAIN,segmenter_fast)
	@$(BIN)/dfs export runs/dfs_fast_sky/last.ckpt runs/segmenter_fast/last.ckpt --out runs/dfs_fast.onnx
	@$(BIN)/dfs quantize runs/dfs_fast.onnx --calibration $(CAMVID) --data $(CAMVID) --frames 500 --out runs/dfs_fast_int8.onnx

ablation: $(TEST_STAMP) ## after `make weights`, the generator's last two steps once more without L_seg, in about twenty minutes
	@$(BIN)/dfs train --set data.root=$(CAMVID) --set loss.segmentation=0.0 --out runs/dfs_fast_no_l_seg \
		--config config/train/dfs_fast_camvid.yaml
	@$(BIN)/dfs train --set data.root=$(CAMVID) --set initial=runs/dfs_fast_no_l_seg/last.ckpt \
		--out runs/dfs_fast_no_l_seg_sky --config config/train/dfs_fast_sky_camvid.yaml
	@$(BIN)/dfs export runs/dfs_fast_no_l_seg_sky/last.ckpt runs/segmenter_fast/last.ckpt --out runs/no_l_seg.onnx

clean: ## remove the environment and everything that was made
	rm -rf $(VENV) build demo *.egg-info .pytest_cache .hypothesis .mypy_cache .ruff_cache
	find . -name __pycache__ -not -path './.venv*' -prune -exec rm -rf {} +

$(RUN_STAMP): setup.py | $(BIN)/python
	@echo "Installing DFS with [$(RUN_EXTRAS)] into $(VENV): about 150 MB to download, a minute or two."
	@$(PIP) install --editable '.[$(RUN_EXTRAS)]' $(CONSTRAINTS)
	@touch $@

$(TEST_STAMP): setup.py | $(BIN)/python
	@echo "Installing DFS with all that its tests need into $(VENV): torch is large, allow a few minutes."
	@$(PIP) install --editable '.[$(RUN_EXTRAS),onnxruntime,train,test,lint]' $(CONSTRAINTS)
	@touch $(RUN_STAMP) $@

$(BIN)/python:
	@scripts/check_machine "$(PYTHON)" "$(ROS_DISTRO)"
	@echo "Creating $(VENV) with $$($(PYTHON) --version)."
	@$(PYTHON) -m venv $(VENV_OPTIONS) $(VENV) || { rm -rf $(VENV); exit 1; }
