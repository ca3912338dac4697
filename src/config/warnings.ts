/** What is allowed and yet worth a look: the sentence of each code. */
export const warningSentences = {
  'rest-with-auth-token':
    'REST and media of an account use its auth token: set TWILIO_API_KEY_SID and TWILIO_API_KEY_SECRET (in TWILIO_ACCOUNTS_FILE apiKeySid and apiKeySecretVariable).',
  'everybody-allowed':
    'ALLOWED_SENDERS is *, or allowedSenders of an account are: everybody who knows the number may talk to the agent.',
  'database-without-protection':
    'MONGODB_INSECURE lets a MONGODB_URI without credentials or TLS pass: its network must be private.',
  'provider-without-tls': 'A provider is called over http: what people say crosses the network in the clear.',
  'transcribe-without-key': 'TRANSCRIBE_BASE_URL is called without a key: OPENAI_API_KEY goes to its own host only.',
  'setting-without-effect': 'PROVIDERS_FILE or SPEECH=local stands in for a variable that is also set.',
  'setting-without-use': 'SPEECH_MODEL is set: this version does not use it yet.'
} as const
export type Warning = keyof typeof warningSentences
