"""The backend process: HTTP on the loopback, a queue of jobs, a worker process for the engines, one for palette edits.

There are three processes. The **HTTP process** (`serve`, `guard`, `protocol`, `routes`, `jobs`, `supervisor`) never
imports torch, numpy or an engine, so it starts in less than a second and survives the crash of a job. The **worker
process** (`worker`, `run_job`, `redo`, `packing`, `pixels`) imports engines and decodes pictures; it may be killed at
any moment. The **edit process** (`edit_worker`, `run_edit`) imports no engine, so that it can answer at once (`edits`).
All three share the formats `bundle`, `png` and `request` (the clients' data), `pipe` (the messages between the
processes) and `limits`.

The contract with clients is `docs/wire.md`. The engines that colour are in `colorizer.engines`.
"""
