-- The vectors in Chroma: which model made them, how far they are, and which are left over.

-- One generation serves; another may be building beside it.
create table generations (
    id integer primary key generated always as identity,
    collection text not null unique,
    model text not null,
    dimension integer not null,
    state text not null check (state in ('building', 'serving', 'dropped')),
    made_at timestamptz not null default now(),
    served_at timestamptz
);
create unique index generations_one on generations (state) where state <> 'dropped';

-- How many chunks of a document have their vectors in a generation.
create table vectors (
    generation integer not null references generations on delete cascade,
    document_id uuid not null references documents on delete cascade,
    revision integer not null,
    done integer not null,
    primary key (generation, document_id)
);

-- Vectors whose chunks are gone. No foreign key: they outlive their document.
create table leftovers (
    document_id uuid not null,
    revision integer not null,
    chunk_count integer not null,
    primary key (document_id, revision)
);
