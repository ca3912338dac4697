import t from 'tap'
import { readConfig } from '../src/config.ts'
import { ownSecrets } from '../src/own-secrets.ts'
import { createKnownSecrets } from '../src/policy/known-secrets.ts'

const authToken = '0f1e2d3c4b5a69788796a5b4c3d2e1f0'

/** What the server calls its own, where a provider is reached with this key. */
function known(apiKey: string) {
  const config = readConfig({
    PUBLIC_URL: 'https://voice.example.com',
    TWILIO_ACCOUNT_SID: `AC${'0'.repeat(32)}`,
    TWILIO_AUTH_TOKEN: authToken,
    TWILIO_SENDERS: 'whatsapp:+14155238886',
    ALLOWED_SENDERS: '*',
    OPENAI_API_KEY: apiKey
  })
  const secrets = createKnownSecrets()
  for (const secret of ownSecrets(config, config.accounts.values(), [])) secrets.add(secret)
  return secrets
}

t.test('a key is a secret, also where it is made of letters alone, or of words', async t => {
  for (const key of ['sk-cCTROuOjMvuFeeCWyGdI', 'correct-horse-battery-staple', 'planted_key', 'abcdefgh']) {
    t.ok(known(key).findIn(`It is ${key}, and more.`), key)
    t.ok(known(key).findIn(`It is ${authToken}.`))
  }
})

t.test('what is written where a local server wants any key at all is none', async t => {
  for (const key of ['not-needed', 'NOT_NEEDED', 'lm-studio', 'sk-no-key-required', 'ollama', 'EMPTY']) {
    t.notOk(known(key).findIn(`That is ${key}; ${key.replaceAll(/[_-]/g, ' ')}.`), key)
    t.ok(known(key).findIn(`It is ${authToken}.`))
  }
})
