-- Who may: users, their sessions and API keys, and what was done.
create table users (
    id uuid primary key,
    name text not null check (char_length(name) between 1 and 64),
    role text not null check (role in ('admin', 'user')),
    password_hash text not null,
    disabled_at timestamptz,
    created_at timestamptz not null default now(),
    signed_in_at timestamptz
);
create unique index users_name on users (lower(name));

-- One row per sign-in. Only the refresh token with this id is good; an older one ends the session.
create table sessions (
    id uuid primary key,
    user_id uuid not null references users on delete cascade,
    refresh_id uuid not null,
    created_at timestamptz not null default now(),
    used_at timestamptz not null default now(),
    expires_at timestamptz not null,
    address text not null
);
create index sessions_user on sessions (user_id);
create index sessions_expiry on sessions (expires_at);

create table api_keys (
    id uuid primary key,
    user_id uuid not null references users on delete cascade,
    name text not null check (char_length(name) between 1 and 64),
    -- SHA-256 of the key, which has 256 random bits itself.
    hash bytea not null unique,
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    used_at timestamptz
);
create index api_keys_user on api_keys (user_id);

-- No foreign key: what was done outlives who did it.
create table audit (
    id bigint generated always as identity primary key,
    at timestamptz not null default now(),
    user_id uuid,
    who text not null,
    action text not null,
    object text not null,
    outcome text not null,
    address text not null,
    request_id text not null
);
create index audit_at on audit (at);
