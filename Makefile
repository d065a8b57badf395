# Watchbill. `make help` lists the targets.

PY := .venv/bin/python
SETTINGS := DATA_DIR HOST PORT BASE_URL DATABASE_URL REDIS_URL SECRET_KEY ALLOWED_HOSTS DEBUG DEMO \
  EMAIL_URL DEFAULT_FROM_EMAIL HEARTBEAT_URL PYTHON WEB_WORKERS WEB_THREADS WORKER_THREADS SLOW_WORKER LOG_LEVEL
# A setting named on make's command line (make run PORT=8001) reaches the program like one of the environment.
$(foreach name,$(SETTINGS),$(if $(filter command line,$(origin $(name))),$(eval export $(name))))

.DEFAULT_GOAL := help
.PHONY: help run test faults check fmt bench clauses pins venv

help: ## lists the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## starts everything; Ctrl-C stops it
	@sh scripts/bootstrap --system pdf
	@exec $(PY) manage.py run

test: ## runs the whole suite, on real PostgreSQL and Valkey
	@sh scripts/bootstrap --system pdf,browser
	$(PY) -m pytest $(ARGS)

faults: ## the tests of faults with full load, long faults and usual leases; about an hour
	@sh scripts/bootstrap
	FAULTS=full $(PY) -m pytest tests/faults $(ARGS)

check: ## format, lint, types, import contracts, missing migrations, deployment, templates, links
	@sh scripts/bootstrap
	@sh scripts/check

fmt: ## formats the code
	@sh scripts/bootstrap
	$(PY) -m ruff check --fix --quiet . || true
	$(PY) -m ruff format .

bench: ## the benchmarks, with the machine's own floor beside each figure
	@sh scripts/bootstrap
	@$(PY) -m bench $(ARGS)

clauses: ## lists the clauses of the procedure that no test proves
	@sh scripts/bootstrap
	@$(PY) manage.py clauses

pins: ## pins every version in requirements.txt anew
	@sh scripts/bootstrap
	$(PY) -m uv pip compile --quiet --universal --upgrade --python-version 3.12 --custom-compile-command "make pins" \
	  requirements.in -o requirements.txt

venv: ## makes or mends .venv
	@sh scripts/bootstrap
