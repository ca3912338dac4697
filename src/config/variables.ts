import { z } from 'zod'
import { parsePublicUrl } from '../channels/public-url.ts'
import {
  apiOrigin,
  baseUrl,
  checked,
  choice,
  databaseUri,
  documented,
  isAddress,
  isHost,
  isPerson,
  isRange,
  isSharedKey,
  isTimeZone,
  key,
  list,
  masterKey,
  model,
  secretOrigin,
  secretSource,
  text,
  token,
  type Variable,
  whole
} from './checks.ts'

/** Every variable that is read, with its check and its meaning. A problem completes the sentence that starts with the name. */
export const schema = z.object({
  PORT: whole('the port to listen on; 0 takes a free one', 0, 65_535, 3_000),
  HOST: text('a host name or address', /^[\w.:-]+$/)
    .default('127.0.0.1')
    .register(documented, { meaning: 'the address to listen on', default: '127.0.0.1' }),
  PUBLIC_URL: checked('the https origin that Twilio calls', parsePublicUrl, ownWords).register(documented, {
    meaning: 'the https origin that Twilio calls (http for a loopback host only)',
    required: true
  }),

  TWILIO_ACCOUNT_SID: text('the SID of the account: AC and 32 hex digits', /^AC[0-9a-fA-F]{32}$/).register(documented, {
    meaning: 'SID of the Twilio account',
    required: true
  }),
  TWILIO_AUTH_TOKEN: token().register(documented, {
    meaning: 'token that signs the webhooks of the account',
    required: true,
    secret: true
  }),
  TWILIO_AUTH_TOKEN_NEXT: token().optional().register(documented, {
    meaning: 'second valid token, to rotate without downtime',
    secret: true
  }),
  TWILIO_API_KEY_SID: text('the SID of an API key: SK and 32 hex digits', /^SK[0-9a-fA-F]{32}$/)
    .optional()
    .register(documented, { meaning: 'API key for REST and media; without it the auth token is used' }),
  TWILIO_API_KEY_SECRET: token().optional().register(documented, { meaning: 'secret of the API key', secret: true }),
  TWILIO_SENDERS: list('our own addresses, comma-separated (whatsapp:+14155238886, +14155238886)', isAddress).register(
    documented,
    {
      meaning: 'our own addresses, comma-separated (whatsapp:+…, +…); a message to any other is refused',
      required: true
    }
  ),
  TWILIO_API_URL: checked('https://api.twilio.com, or the origin of a loopback host', apiOrigin)
    .default('https://api.twilio.com')
    .register(documented, {
      meaning: "origin of Twilio's REST and media; another one for a loopback host only",
      default: 'https://api.twilio.com'
    }),
  TWILIO_SHARED_KEYS: list('id=secret pairs, comma-separated, with secrets of 16 characters or more', isSharedKey)
    .optional()
    .register(documented, { meaning: 'customer-managed signing keys: id=secret, comma-separated', secret: true }),
  TWILIO_ACCOUNTS_FILE: text('the path of a JSON file')
    .optional()
    .register(documented, { meaning: 'JSON: further accounts, each a tenant of its own' }),

  OPENAI_API_KEY: key()
    .optional()
    .register(documented, { meaning: 'key of the OpenAI API; required unless OPENAI_BASE_URL is set', secret: true }),
  OPENAI_BASE_URL: checked('the base URL of an OpenAI-compatible API', baseUrl).optional().register(documented, {
    meaning: 'base URL of an OpenAI-compatible API',
    default: 'https://api.openai.com/v1'
  }),
  TRANSCRIBE_MODEL: model('transcribes voice notes', 'gpt-4o-mini-transcribe'),
  AGENT_MODEL: model('answers', 'gpt-5.4-mini'),
  TRANSCRIBE_BASE_URL: checked('the base URL of an OpenAI-compatible API', baseUrl)
    .optional()
    .register(documented, { meaning: 'another OpenAI-compatible server for audio', default: 'OPENAI_BASE_URL' }),
  TRANSCRIBE_API_KEY: key().optional().register(documented, {
    meaning: 'its key; OPENAI_API_KEY is used where the host is that of OPENAI_BASE_URL',
    secret: true
  }),
  AGENT_API: choice('responses, or chat for servers that only speak Chat Completions', ['responses', 'chat']),
  PROVIDERS_FILE: text('the path of a JSON file')
    .optional()
    .register(documented, { meaning: 'JSON: an ordered list of providers a use (transcribe, respond): fallbacks' }),
  TOOLS_FILE: text('the path of a JSON file')
    .optional()
    .register(documented, { meaning: 'JSON: MCP servers and the classes of their tools' }),
  SPEECH: choice('openai, or local for recognition on this machine (English)', ['openai', 'local']),

  MONGODB_URI: checked(
    'mongodb://user:password@host/database?replicaSet=name&tls=true (or mongodb+srv://), the name of the database of at most 63 characters without dots and spaces',
    databaseUri
  )
    .optional()
    .register(documented, { meaning: 'MongoDB replica set; absent: the embedded store', secret: true }),
  MONGODB_INSECURE: text('allow, or remove it', /^allow$/)
    .optional()
    .register(documented, { meaning: 'allow: take a MONGODB_URI without credentials or TLS in production' }),
  DATA_DIR: text('the path of a folder')
    .default('./data')
    .register(documented, { meaning: 'folder of the embedded store', default: './data' }),
  MASTER_KEY: checked('32 random bytes as base64 (openssl rand -base64 32)', masterKey)
    .optional()
    .register(documented, {
      meaning:
        'base64 of 32 bytes that wraps the other keys; required with MONGODB_URI, else made and kept in DATA_DIR when it is not set',
      secret: true
    }),
  MASTER_KEY_NEXT: checked('32 random bytes as base64 (openssl rand -base64 32)', masterKey)
    .optional()
    .register(documented, {
      meaning: 'the master key that follows: it opens too, and "knomly keys rotate" wraps everything by it',
      secret: true
    }),
  ALLOWED_SENDERS: list(
    '* or the addresses that may talk to the agent, comma-separated',
    item => item === '*' || isPerson(item)
  ).register(documented, {
    meaning: 'who may talk to the agent: addresses, comma-separated, or * for everybody',
    required: true
  }),
  OPERATOR_TOKEN: text('32 characters or more without white space (openssl rand -hex 32)', /^[!-~]{32,}$/)
    .optional()
    .register(documented, {
      meaning: 'bearer token of the operator API; without it the API answers 404',
      secret: true
    }),

  SECRETS: checked('env, file:PATH, vault (or vault:MOUNT/PATH), or aws (or aws:PREFIX)', secretSource)
    .default({ kind: 'env', where: '' })
    .register(documented, {
      meaning: 'where the secrets of tools come from: env, file:PATH, vault or aws',
      default: 'env'
    }),
  VAULT_ADDR: checked('the https origin of HashiCorp Vault (http for a loopback host only)', secretOrigin)
    .optional()
    .register(documented, { meaning: 'origin of HashiCorp Vault, with SECRETS=vault' }),
  VAULT_TOKEN: key().optional().register(documented, {
    meaning: 'token that may read the secrets there',
    secret: true
  }),
  AWS_REGION: text('a region such as eu-central-1', /^[a-z]{2,3}(?:-[a-z]+)+-\d{1,2}$/)
    .optional()
    .register(documented, { meaning: 'region of AWS Secrets Manager, with SECRETS=aws' }),
  AWS_ENDPOINT_URL: checked('the https origin of an endpoint (http for a loopback host only)', secretOrigin)
    .optional()
    .register(documented, { meaning: 'another endpoint than that of the region' }),
  AWS_ACCESS_KEY_ID: key()
    .optional()
    .register(documented, { meaning: 'key that may read the secrets there; without it the role of the machine' }),
  AWS_SECRET_ACCESS_KEY: key().optional().register(documented, { meaning: 'secret of that key', secret: true }),
  AWS_SESSION_TOKEN: key().optional().register(documented, { meaning: 'session of that key', secret: true }),

  LEASE_SECONDS: whole('how long a claim on a conversation lasts', 2, 300, 15),
  MAX_TOOL_CALLS: whole('calls of tools that one message may make', 1, 50, 12),
  MAX_AUDIO_SECONDS: whole('longest voice note', 1, 7_200, 600),
  WORKER_CONCURRENCY: whole('conversations worked at once by this process; 0 only receives', 0, 256, 8),
  TIME_ZONE: text('an IANA time zone such as Europe/Berlin', isTimeZone)
    .default('UTC')
    .register(documented, { meaning: 'what "tomorrow at nine" means', default: 'UTC' }),
  RATE_LIMIT_PER_SENDER: whole('messages a minute from one sender; 0 is off', 0, 1_000_000, 20),
  RATE_LIMIT_PER_IP: whole(
    'refused requests a minute from one address before it gets 429; 0 is off',
    0,
    1_000_000,
    600
  ),
  BUDGETS_FILE: text('the path of a JSON file')
    .optional()
    .register(documented, { meaning: 'JSON: how much one person may use, for all accounts and for one' }),
  TRUST_PROXY: list('addresses or ranges (10.0.0.0/8) of our own proxies, comma-separated', isRange)
    .optional()
    .register(documented, { meaning: 'addresses of our own proxies; only decides which address is counted' }),
  ALLOWED_LINK_HOSTS: list('host names in small letters, comma-separated (example.org, docs.example.org)', isHost)
    .optional()
    .register(documented, {
      meaning: 'hosts that an answer may link to also where it was made of the words of others'
    }),
  DELETE_AT_TWILIO: choice('yes: voice notes are deleted at Twilio once they are kept here', ['no', 'yes']),
  RETENTION_AUDIO_HOURS: whole('hours that audio is kept', 1, 8_760, 24),
  RETENTION_CONTENT_DAYS: whole('days that messages are kept', 1, 3_650, 30),
  RETENTION_AUDIT_DAYS: whole('days that audit records are kept', 1, 3_650, 400),
  AUDIT_HEADS_FILE: text('the path of a file').optional().register(documented, {
    meaning: 'where signed heads of the audit are appended; best on another disk than the store',
    default: 'DATA_DIR/audit-heads.jsonl'
  }),
  LOG_LEVEL: choice('how much is logged', ['info', 'fatal', 'error', 'warn', 'debug', 'trace', 'silent'])
})

export type Settings = z.infer<typeof schema>

/** The variables in the order of `.env.example`. */
export const variables: readonly Variable[] = Object.entries(schema.shape).map(([name, field]) => ({
  name,
  ...(documented.get(field) ?? { meaning: '' })
}))

/** `parsePublicUrl` throws messages that may be shown. */
function ownWords(error: unknown): string {
  return error instanceof Error ? error.message : ''
}
