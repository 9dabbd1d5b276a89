-- Since when what is deployed of a component is deployed: an event that tells of an earlier time does not replace it.
alter table parts add column deployed_at bigint;
update parts
set deployed_at = (
    select max(changes.changed_at)
    from changes
    where changes.reference = parts.reference and changes.field = 'deployed'
);
