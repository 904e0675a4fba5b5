-- SPDX-License-Identifier: GPL-3.0-or-later
-- Tables carry the names of the real server's where it has the like. Safe to run again.

CREATE TABLE IF NOT EXISTS super_admin (
    id uuid PRIMARY KEY DEFAULT '00000000-0000-0000-0000-000000000000',
    initialized boolean NOT NULL DEFAULT false,
    "allowSignUp" boolean NOT NULL DEFAULT true,
    "instanceId" uuid NOT NULL DEFAULT gen_random_uuid(),
    "createdAt" timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
    "updatedAt" timestamptz(3) NOT NULL DEFAULT clock_timestamp()
);
INSERT INTO super_admin DEFAULT VALUES ON CONFLICT DO NOTHING;

-- The root key, sealed with ENCRYPTION_KEY: opening it at start proves that the key is the right one.
CREATE TABLE IF NOT EXISTS kms_root_config (
    id uuid PRIMARY KEY DEFAULT '00000000-0000-0000-0000-000000000000',
    "encryptedRootKey" bytea NOT NULL,
    "keyLabel" text NOT NULL,
    "createdAt" timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
    "updatedAt" timestamptz(3) NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE IF NOT EXISTS organizations (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name text NOT NULL,
    slug text NOT NULL UNIQUE,
    "createdAt" timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
    "updatedAt" timestamptz(3) NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE IF NOT EXISTS users (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    username text NOT NULL UNIQUE,
    email text,
    "firstName" text,
    "lastName" text,
    "hashedPassword" text, -- none until an invitation is accepted
    "superAdmin" boolean NOT NULL DEFAULT false,
    "createdAt" timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
    "updatedAt" timestamptz(3) NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE IF NOT EXISTS org_memberships (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    role text NOT NULL,
    "userId" uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    "orgId" uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
    "createdAt" timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
    "updatedAt" timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
    UNIQUE ("userId", "orgId")
);

CREATE TABLE IF NOT EXISTS identities (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name text NOT NULL,
    "orgId" uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
    "hasDeleteProtection" boolean NOT NULL DEFAULT false,
    metadata jsonb NOT NULL DEFAULT '[]',
    "createdAt" timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
    "updatedAt" timestamptz(3) NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE IF NOT EXISTS identity_org_memberships (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    role text NOT NULL,
    "roleId" uuid,
    "orgId" uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
    "identityId" uuid NOT NULL UNIQUE REFERENCES identities ON DELETE CASCADE,
    "createdAt" timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
    "updatedAt" timestamptz(3) NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE IF NOT EXISTS identity_universal_auths (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    "clientId" uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    "accessTokenTTL" bigint NOT NULL,
    "accessTokenMaxTTL" bigint NOT NULL,
    "accessTokenNumUsesLimit" bigint NOT NULL,
    "accessTokenPeriod" bigint NOT NULL DEFAULT 0,
    "clientSecretTrustedIps" jsonb NOT NULL,
    "accessTokenTrustedIps" jsonb NOT NULL,
    "lockoutEnabled" boolean NOT NULL DEFAULT true,
    "lockoutThreshold" bigint NOT NULL DEFAULT 3,
    "lockoutDurationSeconds" bigint NOT NULL DEFAULT 300,
    "lockoutCounterResetSeconds" bigint NOT NULL DEFAULT 30,
    "identityId" uuid NOT NULL UNIQUE REFERENCES identities ON DELETE CASCADE,
    "createdAt" timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
    "updatedAt" timestamptz(3) NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE IF NOT EXISTS identity_ua_client_secrets (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    description text NOT NULL DEFAULT '',
    "clientSecretPrefix" text NOT NULL,
    "clientSecretHash" text NOT NULL,
    "clientSecretNumUses" bigint NOT NULL DEFAULT 0,
    "clientSecretNumUsesLimit" bigint NOT NULL DEFAULT 0,
    "clientSecretTTL" bigint NOT NULL DEFAULT 0,
    "identityUAId" uuid NOT NULL REFERENCES identity_universal_auths ON DELETE CASCADE,
    "isClientSecretRevoked" boolean NOT NULL DEFAULT false,
    "createdAt" timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
    "updatedAt" timestamptz(3) NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE IF NOT EXISTS identity_token_auths (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    "accessTokenTTL" bigint NOT NULL,
    "accessTokenMaxTTL" bigint NOT NULL,
    "accessTokenNumUsesLimit" bigint NOT NULL,
    "accessTokenPeriod" bigint NOT NULL DEFAULT 0,
    "accessTokenTrustedIps" jsonb NOT NULL,
    "identityId" uuid NOT NULL UNIQUE REFERENCES identities ON DELETE CASCADE,
    "createdAt" timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
    "updatedAt" timestamptz(3) NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE IF NOT EXISTS identity_access_tokens (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name text,
    "authMethod" text NOT NULL,
    "accessTokenTTL" bigint NOT NULL,
    "accessTokenMaxTTL" bigint NOT NULL,
    "accessTokenPeriod" bigint NOT NULL DEFAULT 0,
    "accessTokenNumUses" bigint NOT NULL DEFAULT 0,
    "accessTokenNumUsesLimit" bigint NOT NULL,
    "accessTokenLastUsedAt" timestamptz(3),
    "accessTokenLastRenewedAt" timestamptz(3),
    "isAccessTokenRevoked" boolean NOT NULL DEFAULT false,
    "identityUAClientSecretId" uuid REFERENCES identity_ua_client_secrets ON DELETE CASCADE,
    "subOrganizationId" uuid,
    "identityId" uuid NOT NULL REFERENCES identities ON DELETE CASCADE,
    "createdAt" timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
    "updatedAt" timestamptz(3) NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE IF NOT EXISTS projects (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name text NOT NULL,
    slug text NOT NULL,
    description text,
    "orgId" uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
    "autoCapitalization" boolean NOT NULL DEFAULT true,
    "hasDeleteProtection" boolean NOT NULL DEFAULT false,
    "encryptedDataKey" bytea NOT NULL,
    "createdAt" timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
    "updatedAt" timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
    UNIQUE ("orgId", slug)
);

CREATE TABLE IF NOT EXISTS project_environments (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name text NOT NULL,
    slug text NOT NULL,
    position integer NOT NULL,
    "projectId" uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    "createdAt" timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
    "updatedAt" timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
    UNIQUE ("projectId", slug)
);

CREATE TABLE IF NOT EXISTS project_memberships (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    "projectId" uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    "userId" uuid REFERENCES users ON DELETE CASCADE,
    "identityId" uuid REFERENCES identities ON DELETE CASCADE,
    "createdAt" timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
    "updatedAt" timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
    UNIQUE ("projectId", "userId"),
    UNIQUE ("projectId", "identityId"),
    CHECK (num_nonnulls("userId", "identityId") = 1)
);

CREATE TABLE IF NOT EXISTS project_roles (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name text NOT NULL,
    slug text NOT NULL,
    description text,
    permissions jsonb NOT NULL DEFAULT '[]',
    "projectId" uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    "createdAt" timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
    "updatedAt" timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
    UNIQUE ("projectId", slug)
);

CREATE TABLE IF NOT EXISTS project_membership_roles (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    role text NOT NULL,
    "projectMembershipId" uuid NOT NULL REFERENCES project_memberships ON DELETE CASCADE,
    "customRoleId" uuid REFERENCES project_roles ON DELETE CASCADE,
    "isTemporary" boolean NOT NULL DEFAULT false,
    "temporaryMode" text,
    "temporaryRange" text,
    "temporaryAccessStartTime" timestamptz(3),
    "temporaryAccessEndTime" timestamptz(3),
    "createdAt" timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
    "updatedAt" timestamptz(3) NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE IF NOT EXISTS identity_project_additional_privilege (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    slug text NOT NULL,
    "isTemporary" boolean NOT NULL DEFAULT false,
    permissions jsonb NOT NULL,
    "projectMembershipId" uuid NOT NULL REFERENCES project_memberships ON DELETE CASCADE,
    "createdAt" timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
    "updatedAt" timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
    UNIQUE ("projectMembershipId", slug)
);

CREATE TABLE IF NOT EXISTS secret_folders (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name text NOT NULL,
    version integer NOT NULL DEFAULT 1,
    description text,
    "envId" uuid NOT NULL REFERENCES project_environments ON DELETE CASCADE,
    "parentId" uuid REFERENCES secret_folders ON DELETE CASCADE,
    "isReserved" boolean NOT NULL DEFAULT false,
    "createdAt" timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
    "updatedAt" timestamptz(3) NOT NULL DEFAULT clock_timestamp()
);
CREATE UNIQUE INDEX IF NOT EXISTS secret_folders_name
    ON secret_folders ("envId", coalesce("parentId", '00000000-0000-0000-0000-000000000000'), name);

CREATE TABLE IF NOT EXISTS secret_tags (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    slug text NOT NULL,
    color text,
    "projectId" uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    "createdBy" uuid,
    "createdByActorType" text NOT NULL DEFAULT 'user',
    "createdAt" timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
    "updatedAt" timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
    UNIQUE ("projectId", slug)
);

CREATE TABLE IF NOT EXISTS secrets_v2 (
    id uuid PRIMARY KEY,
    version integer NOT NULL,
    type text NOT NULL,
    key text NOT NULL,
    "encryptedValue" bytea NOT NULL,
    "encryptedComment" bytea NOT NULL,
    "reminderNote" text,
    "reminderRepeatDays" integer,
    "skipMultilineEncoding" boolean,
    metadata jsonb NOT NULL,
    "tagIds" uuid[] NOT NULL,
    "userId" uuid REFERENCES users ON DELETE CASCADE,
    "folderId" uuid NOT NULL REFERENCES secret_folders ON DELETE CASCADE,
    actor jsonb NOT NULL,
    "createdAt" timestamptz(3) NOT NULL,
    "updatedAt" timestamptz(3) NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS secrets_v2_name
    ON secrets_v2 ("folderId", key, coalesce("userId", '00000000-0000-0000-0000-000000000000'));

CREATE TABLE IF NOT EXISTS secret_versions_v2 (
    "secretId" uuid NOT NULL REFERENCES secrets_v2 ON DELETE CASCADE,
    version integer NOT NULL,
    key text NOT NULL,
    "encryptedValue" bytea NOT NULL,
    "encryptedComment" bytea NOT NULL,
    actor jsonb NOT NULL,
    "updatedAt" timestamptz(3) NOT NULL,
    PRIMARY KEY ("secretId", version)
);

CREATE TABLE IF NOT EXISTS secret_imports (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    version integer NOT NULL DEFAULT 1,
    "importPath" text NOT NULL,
    "importEnv" uuid NOT NULL REFERENCES project_environments ON DELETE CASCADE,
    position integer NOT NULL,
    "folderId" uuid NOT NULL REFERENCES secret_folders ON DELETE CASCADE,
    "isReplication" boolean NOT NULL DEFAULT false,
    "isReplicationSuccess" boolean,
    "replicationStatus" text,
    "lastReplicated" timestamptz(3),
    "isReserved" boolean NOT NULL DEFAULT false,
    "createdAt" timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
    "updatedAt" timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
    UNIQUE ("folderId", "importEnv", "importPath")
);

CREATE TABLE IF NOT EXISTS secret_approval_policies (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name text NOT NULL,
    "secretPath" text,
    approvals integer NOT NULL DEFAULT 1,
    "envId" uuid NOT NULL REFERENCES project_environments ON DELETE CASCADE,
    "createdAt" timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
    "updatedAt" timestamptz(3) NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE IF NOT EXISTS secret_approval_requests (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    slug text NOT NULL,
    status text NOT NULL DEFAULT 'open',
    "hasMerged" boolean NOT NULL DEFAULT false,
    "policyId" uuid NOT NULL REFERENCES secret_approval_policies ON DELETE CASCADE,
    "folderId" uuid NOT NULL REFERENCES secret_folders ON DELETE CASCADE,
    "committerUserId" uuid,
    "secretKeys" text[] NOT NULL,
    "createdAt" timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
    "updatedAt" timestamptz(3) NOT NULL DEFAULT clock_timestamp()
);
