-- Documents, where they come from, and the work on them.

-- 1: uploads; 2: the documents folder.
create table sources (
    id smallint primary key,
    -- A source that is away is not an empty one: nothing of it is removed.
    state text not null default 'here' check (state in ('here', 'away')),
    why text,
    -- The file system it was at the last whole scan.
    file_system text,
    scanned_at timestamptz,
    found integer not null default 0,
    missing integer not null default 0,
    -- An administrator has said that what is missing is gone; used up by the next whole scan.
    confirmed_by text
);
insert into sources (id) values (1), (2);

create table documents (
    id uuid primary key,
    -- Of the content that is indexed.
    sha256 bytea not null,
    file_name text not null,
    folder text not null default '',
    kind text not null,
    bytes bigint not null,
    -- Of the chunks that are seen; a changed file gets the next one.
    revision integer not null default 0,
    chunk_count integer not null default 0,
    -- Why its newest content could not be read; what was indexed before stays.
    reason text,
    created_at timestamptz not null default now(),
    indexed_at timestamptz,
    trashed_at timestamptz,
    trashed_why text check (trashed_why in ('deleted', 'gone', 'replaced')),
    check ((trashed_at is null) = (trashed_why is null))
);
create unique index documents_content on documents (sha256);
create index documents_trash on documents (trashed_at) where trashed_at is not null;

-- Where a document lies. Same content twice is one document in two places.
create table places (
    source smallint not null references sources,
    path text not null,
    -- None before it was read for the first time, or when it could not be read.
    document_id uuid references documents on delete cascade,
    file_name text not null,
    bytes bigint not null,
    modified_ns bigint not null,
    reason text,
    -- The document was erased after it had been deleted by hand: the file is not read again until it changes.
    ignored boolean not null default false,
    primary key (source, path)
);
create index places_document on places (document_id);

-- What is to be read. A job that was begun by a process that died is begun again.
create table jobs (
    source smallint not null,
    path text not null,
    force boolean not null default false,
    asked_at timestamptz not null default clock_timestamp(),
    due_at timestamptz not null default clock_timestamp(),
    begun_at timestamptz,
    attempts smallint not null default 0,
    primary key (source, path),
    foreign key (source, path) references places on delete cascade
);
create index jobs_due on jobs (asked_at) where begun_at is null;

create table chunks (
    document_id uuid not null references documents on delete cascade,
    revision integer not null,
    position integer not null,
    tokens integer not null,
    content text not null,
    search tsvector not null generated always as (to_tsvector('english', content)) stored,
    primary key (document_id, revision, position)
);
create index chunks_search on chunks using gin (search);
