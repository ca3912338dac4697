import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { ConfigError, readConfig } from '../../src/config.ts'

const tokenOf = (letter: string) => letter.repeat(32)
const sidOf = (digit: string) => `AC${digit.repeat(32)}`
const whole = {
  PUBLIC_URL: 'https://voice.example.com',
  TWILIO_ACCOUNT_SID: sidOf('1'),
  TWILIO_AUTH_TOKEN: tokenOf('a'),
  TWILIO_SENDERS: 'whatsapp:+14155238886',
  ALLOWED_SENDERS: 'whatsapp:+15550000001',
  OPENAI_API_KEY: 'sk-test',
  BETA_TOKEN: tokenOf('b'),
  BETA_NEXT: tokenOf('c'),
  BETA_SECRET: tokenOf('d'),
  BETA_SHARED: `one=${tokenOf('e')}, two=${tokenOf('f')}`
}
const beta = {
  sid: sidOf('2'),
  authTokenVariable: 'BETA_TOKEN',
  senders: ['whatsapp:+14150000002'],
  allowedSenders: ['whatsapp:+15550000001']
}

/** Reads a configuration with these accounts in a file, as JSON or as text. */
function read(t: Test, accounts: unknown, env: NodeJS.ProcessEnv = {}) {
  const path = join(t.testdir(), 'accounts.json')
  writeFileSync(path, typeof accounts === 'string' ? accounts : JSON.stringify({ accounts }))
  return readConfig({ ...whole, TWILIO_ACCOUNTS_FILE: path, ...env })
}

function problemsOf(t: Test, accounts: unknown, env: NodeJS.ProcessEnv = {}): readonly string[] {
  try {
    read(t, accounts, env)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

t.test('further accounts stand in a file, and their secrets in variables that it names', async t => {
  const full = {
    ...{ ...beta, authTokenNextVariable: 'BETA_NEXT', apiKeySid: `SK${'2'.repeat(32)}` },
    ...{ apiKeySecretVariable: 'BETA_SECRET', sharedKeysVariable: 'BETA_SHARED', deleteAtTwilio: true }
  }
  const gamma = {
    ...{ sid: sidOf('3'), authTokenVariable: 'GAMMA', senders: ['+14150000003'], allowedSenders: '*' }
  }
  const config = read(t, [full, gamma], { GAMMA: tokenOf('g') })
  t.equal(config.accounts[0], config.account)
  t.strictSame(config.accounts.slice(1), [
    {
      sid: sidOf('2'),
      authTokens: [tokenOf('b'), tokenOf('c')],
      sharedKeys: new Map([
        ['one', tokenOf('e')],
        ['two', tokenOf('f')]
      ]),
      rest: { user: `SK${'2'.repeat(32)}`, password: tokenOf('d') },
      senders: ['whatsapp:+14150000002'],
      allowed: new Set(['whatsapp:+15550000001']),
      deletesMedia: true
    },
    {
      sid: sidOf('3'),
      authTokens: [tokenOf('g')],
      sharedKeys: new Map(),
      rest: { user: sidOf('3'), password: tokenOf('g') },
      senders: ['+14150000003'],
      allowed: '*',
      deletesMedia: false
    }
  ])
  t.strictSame(config.warnings, ['rest-with-auth-token', 'everybody-allowed'])
})

t.test('the examples of the README are read', async t => {
  const readme = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8')
  const exampleOf = (key: string) =>
    /```json\n([^`]*)```/.exec(readme.slice(readme.indexOf(`\`\`\`json\n{"${key}"`)))?.[1] ?? ''
  const [accounts, budgets] = [join(tmpdir(), `knomly-a-${process.pid}`), join(tmpdir(), `knomly-b-${process.pid}`)]
  t.teardown(() => [accounts, budgets].forEach(file => void rmSync(file, { force: true })))
  writeFileSync(accounts, exampleOf('accounts'))
  writeFileSync(budgets, exampleOf('tokensPerDay'))
  const env = { BETA_AUTH_TOKEN: tokenOf('b'), BETA_API_KEY_SECRET: tokenOf('c') }
  const config = readConfig({ ...whole, ...env, TWILIO_ACCOUNTS_FILE: accounts, BUDGETS_FILE: budgets })
  const [, beta] = config.accounts
  t.equal(beta?.senders.length, 1)
  t.match(config.budgetsOf(beta?.sid ?? ''), { tokensPerDay: 500_000, sendsPerDay: 10, messagesPerMinute: 5 })
})

t.test('what does not fit is told by its place and never by its value', async t => {
  const S3cret = 'S3cretS3cretS3cretS3cret'
  const cases: [object | string, RegExp][] = [
    [{ ...beta, sid: S3cret }, /^TWILIO_ACCOUNTS_FILE at accounts\.0\.sid must be AC and 32 hex digits: /],
    [
      { ...beta, authToken: S3cret },
      /^TWILIO_ACCOUNTS_FILE at accounts\.0 has a key that is not known: .*never in the/
    ],
    [{ ...beta, [S3cret]: 1 }, /^TWILIO_ACCOUNTS_FILE at accounts\.0 has a key that is not known: /],
    [
      { ...beta, authTokenVariable: undefined },
      /^TWILIO_ACCOUNTS_FILE at accounts\.0\.authTokenVariable is missing or /
    ],
    [{ ...beta, authTokenVariable: S3cret }, /authTokenVariable must be the name of an environment variable: /],
    [{ ...beta, senders: [] }, /^TWILIO_ACCOUNTS_FILE at accounts\.0\.senders is missing or does not fit: /],
    [{ ...beta, senders: [S3cret] }, /at accounts\.0\.senders\.0 must be an address such as whatsapp:\+/],
    [{ ...beta, allowedSenders: [S3cret] }, /at accounts\.0\.allowedSenders(\.0)? must be "\*" or a list of addresses/],
    [{ ...beta, allowedSenders: [] }, /at accounts\.0\.allowedSenders(\.0)? must be "\*" or a list of addresses/],
    [{ ...beta, allowedSenders: ['*'] }, /at accounts\.0\.allowedSenders(\.0)? must be "\*" or a list of addresses/],
    [
      { ...beta, allowedSenders: undefined },
      /at accounts\.0\.allowedSenders(\.0)? must be "\*" or a list of addresses/
    ],
    [{ ...beta, deleteAtTwilio: 'yes' }, /^TWILIO_ACCOUNTS_FILE at accounts\.0\.deleteAtTwilio is missing or does not/],
    [{ ...beta, apiKeySid: `SK${'2'.repeat(32)}` }, /at accounts\.0 has half an API key: give both/],
    [{ ...beta, apiKeySecretVariable: 'BETA_SECRET' }, /at accounts\.0 has half an API key: give both/],
    [{ ...beta, authTokenVariable: 'ABSENT' }, /^ABSENT is missing or not valid: set it to the secret/],
    [{ ...beta, sharedKeysVariable: 'SHORT' }, /^SHORT is missing or not valid: set it to id=secret pairs/],
    [{ ...beta, authTokenVariable: 'SHORT' }, /^SHORT is missing or not valid/],
    [{ ...beta, authTokenVariable: 'OPERATOR_TOKEN' }, /authTokenVariable names OPERATOR_TOKEN, which has another use/],
    [{ ...beta, authTokenVariable: 'TWILIO_AUTH_TOKEN' }, /names TWILIO_AUTH_TOKEN, which has another use/]
  ]
  for (const [account, sentence] of cases) {
    const problems = problemsOf(t, [account], { SHORT: 'S3cret', OPERATOR_TOKEN: tokenOf('o') })
    t.match(problems[0], sentence)
    t.equal(problems.length, 1, JSON.stringify(problems))
    t.notMatch(problems.join(), /S3cret/)
  }
  t.match(problemsOf(t, 'S3cret'), [/^TWILIO_ACCOUNTS_FILE cannot be read as JSON: check the path and the file\.$/])
  t.match(problemsOf(t, '{}'), [/^TWILIO_ACCOUNTS_FILE at accounts is missing or does not fit/])
  t.match(problemsOf(t, []), [/^TWILIO_ACCOUNTS_FILE at accounts is missing or does not fit/])
})

t.test('no two accounts have a SID, a sender or a secret in common', async t => {
  const one = (problems: readonly string[], sentence: RegExp) => {
    t.match(problems, [sentence])
    t.equal(problems.length, 1)
  }
  const gamma = { ...beta, sid: sidOf('3'), authTokenVariable: 'GAMMA', senders: ['whatsapp:+14150000003'] }
  const env = { GAMMA: tokenOf('g'), TWIN: tokenOf('b'), SHARED: `other=${tokenOf('f')}` }
  t.strictSame(problemsOf(t, [beta, gamma], env), [])
  one(problemsOf(t, [beta, { ...gamma, sid: beta.sid }], env), /accounts with the same SID/)
  one(problemsOf(t, [{ ...beta, sid: sidOf('1') }], env), /accounts with the same SID/)
  const cased = { ...gamma, sid: `AC${'ab'.repeat(16)}` }
  one(problemsOf(t, [cased, { ...beta, sid: `AC${'AB'.repeat(16)}` }], env), /accounts with the same SID/)
  one(problemsOf(t, [beta, { ...gamma, senders: beta.senders }], env), /accounts with a sender in common/)
  one(problemsOf(t, [{ ...beta, senders: [whole.TWILIO_SENDERS] }], env), /accounts with a sender in common/)
  one(problemsOf(t, [beta, { ...gamma, authTokenVariable: 'TWIN' }], env), /accounts with an auth token in common/)
  const shared = [
    { ...beta, sharedKeysVariable: 'BETA_SHARED' },
    { ...gamma, sharedKeysVariable: 'SHARED' }
  ]
  one(problemsOf(t, shared, env), /accounts with a shared key in common/)
})

t.test('no secret of an account goes to a provider', async t => {
  const path = join(tmpdir(), `knomly-providers-${process.pid}.json`)
  t.teardown(() => rmSync(path, { force: true }))
  const respond = [{ baseUrl: 'https://api.example.com/v1', model: 'm', keyVariable: 'BETA_TOKEN' }]
  writeFileSync(path, JSON.stringify({ respond }))
  t.match(problemsOf(t, [beta], { PROVIDERS_FILE: path }), [/also a secret of a Twilio account/])
})

t.test('a budgets file changes the defaults for all, and for one account', async t => {
  const dir = t.testdir({
    'budgets.json': JSON.stringify({ tokensPerDay: 5, tenants: { [sidOf('1')]: { sendsPerDay: 0, tokensPerDay: 9 } } }),
    'minute.json': JSON.stringify({ messagesPerMinute: 3 }),
    'wrong.json': JSON.stringify({ tokensPerDay: -1, openQuestions: 11, S3cret: 5, callsPerHour: 'S3cret' }),
    'nobody.json': JSON.stringify({ tenants: { S3cret: {} } }),
    'own.json': JSON.stringify({ tenants: { [sidOf('1')]: { messagesPerMinute: 0, sends: 1 } } })
  })
  const withFile = (file: string) => ({ ...whole, BUDGETS_FILE: join(dir, file) })
  const { budgetsOf } = readConfig(withFile('budgets.json'))
  t.match(budgetsOf(sidOf('1')), { tokensPerDay: 9, sendsPerDay: 0, promptsPerHour: 6, messagesPerMinute: 20 })
  t.match(budgetsOf(sidOf('9')), { tokensPerDay: 5, sendsPerDay: 50 })
  const minute = readConfig({ ...withFile('minute.json'), RATE_LIMIT_PER_SENDER: '7' })
  t.equal(minute.budgetsOf(sidOf('1')).messagesPerMinute, 3)
  t.equal(readConfig({ ...whole, RATE_LIMIT_PER_SENDER: '7' }).budgetsOf(sidOf('1')).messagesPerMinute, 7)
  const problems = (file: string) => {
    try {
      readConfig(withFile(file))
    } catch (error) {
      return (error as ConfigError).problems
    }
    return []
  }
  t.strictSame(problems('wrong.json'), [
    'BUDGETS_FILE at tokensPerDay must be a whole number from 0 to 1000000000: compare it with the README.',
    'BUDGETS_FILE at callsPerHour must be a whole number from 0 to 1000000000: compare it with the README.',
    'BUDGETS_FILE at openQuestions must be a whole number from 0 to 10: compare it with the README.',
    'BUDGETS_FILE has a budget that is not known: compare it with the README.'
  ])
  t.match(problems('nobody.json'), [/^BUDGETS_FILE at tenants names 1 that no configured account has/])
  t.strictSame(problems('own.json'), [
    `BUDGETS_FILE at tenants.${sidOf('1')}.messagesPerMinute must be a whole number from 1 to 1000000000: compare it with the README.`,
    `BUDGETS_FILE at tenants.${sidOf('1')} has a budget that is not known: compare it with the README.`
  ])
  t.match(problems('absent.json'), [/^BUDGETS_FILE cannot be read as JSON/])
})
