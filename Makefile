# taxops: what a person types. Needs make, python3 (3.11 or newer) and its venv module; everything else is installed into ./.venv.
# 每个目标都可以单独运行；make help 列出它们。
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3

export PYTHON VENV

.PHONY: help run install install-test servers test lint format bench lock bundle catalogue clean

help: ## 列出全部目标 · list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: install ## 安装并启动 (PORT=, TAXOPS_HOME= 可改) · install and start everything
	@exec env $(if $(PORT),TAXOPS_BIND=127.0.0.1:$(PORT)) $(BIN)/taxops run --demo

install:
	@tools/install-python run

install-test:
	@tools/install-python test

servers: ## 安装测试用的真实服务程序 (root) · install the real servers the tests start
	@tools/install-servers

test: install-test servers ## 全部测试 · all tests (ARGS= 给 pytest)
	@tools/run-tests $(ARGS)

lint: install-test ## 静态检查 · static checks
	@tools/run-lint

format: install-test ## 按规范整理代码 · format the code
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

.PHONY: chaos
chaos: install-test servers ## 随时杀掉程序 COUNT=500 次 · kill the program at random instants
	@TAXOPS_CHAOS_KILLS=$(or $(COUNT),500) tools/run-tests -n 0 -s tests/chaos/test_kill.py

.PHONY: fuzz
fuzz: install-test ## 解析外来输入的随机测试 COUNT=20000 次 · parsers of outside input with anything at all
	@TAXOPS_FUZZ=$(or $(COUNT),20000) $(BIN)/python -m pytest -n 2 --timeout=0 tests/attacks/test_fuzz.py tests/api/test_as_each_role.py

bench: install-test ## 性能测试 · benchmarks
	@$(BIN)/python -m bench $(ARGS)

lock: install-test ## 重新生成锁定文件 · rebuild requirements/*.txt
	@tools/lock

.PHONY: audit
audit: install-test ## 依赖是否有已知漏洞 (需要能访问漏洞库) · known vulnerabilities of dependencies
	@$(BIN)/python tools/audit.py

bundle: ## 重新打包前端 (需要 node) · rebuild the static bundle
	@tools/build-bundle

catalogue: install-test ## 更新并编译英文文案 · update and compile the English catalogue
	@tools/catalogue

clean: ## 删除缓存与构建产物，不动数据 · caches and build results, never data
	@rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
