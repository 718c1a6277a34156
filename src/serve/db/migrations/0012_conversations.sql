-- Conversations. Only sealed text: who steals a dump reads none.
create table conversations (
    id uuid primary key,
    user_id uuid not null references users on delete cascade,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create index conversations_user on conversations (user_id, updated_at desc);

create table messages (
    conversation_id uuid not null references conversations on delete cascade,
    position integer not null,
    role text not null check (role in ('user', 'assistant')),
    -- Which key opens it.
    key_id text not null,
    sealed bytea not null,
    created_at timestamptz not null default now(),
    primary key (conversation_id, position)
);
