-- What people who use the page need to be remembered.

-- Where a user's password came from: their own choice, made and shown once, or the env file at the first start.
alter table users add column password_from text not null default 'own'
    check (password_from in ('own', 'made', 'first'));
-- Whoever never signed in cannot have chosen one.
update users set password_from = 'made' where signed_in_at is null;

-- A name that its user gave, sealed like everything that was said.
alter table conversations add column title_key_id text, add column title_sealed bytea;

-- Which sources an answer had, sealed by the key of its words; whether it was written to its end; whose writing it is.
alter table messages add column detail bytea,
    add column finished boolean not null default true,
    add column turn uuid;
