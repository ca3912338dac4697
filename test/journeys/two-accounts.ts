import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Agent } from '../../src/simulator/agent-script.ts'
import { type Caller, createCaller } from '../../src/simulator/caller.ts'
import type { OpenAIOptions } from '../../src/simulator/openai.ts'
import { startTwilioAccounts, type TwilioSimulator } from '../../src/simulator/twilio.ts'
import { accountSid, authToken, ours, type Stage, setStage } from '../stage.ts'

/** One of the accounts of a stage: what is known of it there, and its people. */
export interface Tenant {
  readonly sid: string
  readonly token: string
  readonly sender: string
  readonly twilio: TwilioSimulator
  callerOf(from: string): Caller
  /** What a person was sent by this account. */
  read(address: string): string[]
}

const beta = {
  sid: `AC${'b7'.repeat(16)}`,
  token: 'beta-token-0123456789abcdef01234',
  sender: 'whatsapp:+14155550002',
  apiKey: { sid: `SK${'b7'.repeat(16)}`, secret: 'beta-secret-0123456789abcdef0123' }
}

/** Sets a stage with two accounts behind one Twilio: that of the variables, and one of TWILIO_ACCOUNTS_FILE with an API key. */
export async function setTwoAccounts(
  t: { testdir(): string; teardown(handler: () => unknown): void },
  options: {
    agent: Agent
    openai?: Partial<OpenAIOptions>
    env?: Record<string, string>
    /** What the file says of the second account besides. */
    second?: Record<string, unknown>
  }
): Promise<{ stage: Stage; alpha: Tenant; beta: Tenant; accountsFile: string }> {
  const { agent, openai = {}, env = {}, second = {} } = options
  const accounts = await startTwilioAccounts([
    { accountSid, authToken },
    { accountSid: beta.sid, authToken: beta.token, apiKey: beta.apiKey }
  ])
  const [first, other] = accounts as [TwilioSimulator, TwilioSimulator]
  t.teardown(() => first.close())
  const accountsFile = join(t.testdir(), 'accounts.json')
  const entry = {
    ...{ sid: beta.sid, authTokenVariable: 'BETA_TOKEN', apiKeySid: beta.apiKey.sid },
    ...{ apiKeySecretVariable: 'BETA_SECRET', senders: [beta.sender], allowedSenders: '*', ...second }
  }
  writeFileSync(accountsFile, JSON.stringify({ accounts: [entry] }))
  const more = {
    ...{ TWILIO_API_URL: first.url, TWILIO_ACCOUNTS_FILE: accountsFile },
    ...{ BETA_TOKEN: beta.token, BETA_SECRET: beta.apiKey.secret, RATE_LIMIT_PER_SENDER: '0' }
  }
  const stage = await setStage(t, { agent, openai, env: { ...more, ...env } })
  const tenant = (sid: string, token: string, sender: string, twilio: TwilioSimulator): Tenant => ({
    ...{ sid, token, sender, twilio },
    callerOf: from =>
      createCaller({
        ...{ accountSid: sid, authToken: token, publicUrl: stage.url, from, to: sender },
        addMedia: twilio.addMedia
      }),
    read: address => twilio.messages.filter(message => message.to === address).map(message => message.body)
  })
  return {
    ...{ stage, accountsFile },
    alpha: tenant(accountSid, authToken, ours, first),
    beta: tenant(beta.sid, beta.token, beta.sender, other)
  }
}
