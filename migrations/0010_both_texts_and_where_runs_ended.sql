-- The text of the file, while it and the newest version disagree: what a person wrote is shown until it is settled.
alter table runbooks add column conflict_text text;

-- Which runs ended at a step.
create index runs_by_last_step on runs (workflow, step, run_key) where phase = 'ended';
