-- What bad days need to be remembered by.

-- Of the chunks that are done, those that the model refuses: they have no vector and are found by words.
alter table vectors add column skipped integer not null default 0;

-- How often its reading failed through no fault of the file (a disk, the database): each time it waits longer.
alter table jobs add column failures smallint not null default 0;

-- Somebody asked for this very file, and not only a scan: then it also comes out of the trash.
alter table jobs add column wanted boolean not null default false;

-- What the last scan missed and where, where all of it could be seen; and which of these sights an administrator has
-- confirmed. A confirmation is good for the same sight again, once.
alter table sources add column seen text;
alter table sources add column confirmed_for text;
update sources set confirmed_by = null;
