"""The backend process: HTTP on the loopback, a queue of jobs, a worker process for the engines, one for palette edits.

Three processes. The **HTTP process** (`serve`, `guard`, `protocol`, `routes`, `jobs`, `supervisor`) never imports
torch, numpy or an engine: it is ready in well under a second and stays alive whatever a job does. The **worker
process** (`worker`, `run_job`, `redo`, `packing`, `pixels`) imports engines, decodes pictures and may be killed at any
moment. The **edit process** (`edit_worker`, `run_edit`) imports no engine and answers at once (`edits`). All share the
formats: `bundle`, `png` and `request` (what clients send), `pipe` (what the processes say to each other), `limits`.

The contract with clients is `docs/wire.md`. Nothing here colours anything: that is `colorizer.engines`.
"""
