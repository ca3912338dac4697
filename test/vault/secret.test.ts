import assert from 'node:assert'
import { inspect } from 'node:util'
import { deserialize, serialize } from 'node:v8'
import pino from 'pino'
import t, { type Test } from 'tap'
import { causeOf, Failure } from '../../src/frames/failure.ts'
import { jcs } from '../../src/frames/jcs.ts'
import { createLog } from '../../src/log.ts'
import { Secret } from '../../src/vault/secret.ts'

const value = 'hunter2-0f1e2d3c4b5a'
const secret = new Secret(value)
/** Objects as a secret could come to stand in them. */
const holders = (held: Secret<unknown>) => [
  ...[held, [held], { held }, { deep: { deeper: [{ held }] } }, Object.assign(new Error('x'), { held })],
  ...[new Error('x', { cause: held }), Object.assign(Object.create({ held }), { held })]
]

/** What a way of showing things makes of them: the text, or that of the error it throws, with its stack and causes. */
function shownBy(show: (it: unknown) => unknown, it: unknown): string {
  try {
    return String(show(it))
  } catch (error) {
    const told = error as Error
    return [told.message, told.stack, String(told.cause), told.name].join('\n')
  }
}

t.test('a secret is revealed to who asks for it by name, and to nobody else', async t => {
  t.equal(secret.reveal(), value)
  const strings: [string, (it: Secret<string>) => unknown][] = [
    ['String', it => String(it)],
    ['template', it => `${it}`],
    ['plus', it => 'a'.concat(it as unknown as string)],
    ['number', it => +(it as unknown as number)],
    ['toString', it => it.toString()],
    ['valueOf', it => it.valueOf()],
    ['toLocaleString', it => it.toLocaleString()],
    ['join', it => [it].join()],
    ['compare', it => (it as unknown as string) > ''],
    ['Error', it => new Error(it as unknown as string)],
    ['URL', it => new URL(it as unknown as string)],
    ['Buffer', it => Buffer.from(it as unknown as string)],
    ['JSON.stringify', it => JSON.stringify(it)],
    ['jcs', it => jcs(it)],
    ['inspect', it => inspect(it)],
    ['format', it => inspect([it])],
    ['structuredClone', it => structuredClone(it)],
    ['serialize', it => serialize(it)],
    ['spread', it => ({ ...it })],
    ['entries', it => Object.entries(it)],
    ['values', it => Object.values(it)],
    ['assign', it => Object.assign({}, it)]
  ]
  for (const [name, show] of strings) t.throws(() => show(secret), TypeError, name)
})

t.test('whatever looks at an object that holds a secret sees nothing of it', async t => {
  const ways: [string, (it: unknown) => unknown][] = [
    ['JSON.stringify', it => JSON.stringify(it)],
    ['JSON.stringify with a replacer', it => JSON.stringify(it, (_key, each) => each)],
    ['jcs', it => jcs(it)],
    ['inspect', it => inspect(it, { depth: 9 })],
    ['inspect, all of it', it => inspect(it, { depth: 9, showHidden: true, getters: true, customInspect: false })],
    ['inspect through a proxy', it => inspect(new Proxy(it as object, {}), { showProxy: true, depth: 9 })],
    ['structuredClone', it => inspect(structuredClone(it), { depth: 9 })],
    ['v8', it => inspect(deserialize(serialize(it)), { depth: 9 })],
    ['own names', it => JSON.stringify(Object.getOwnPropertyNames(it))],
    ['descriptors', it => inspect(Object.getOwnPropertyDescriptors(it), { depth: 9 })],
    ['spread', it => JSON.stringify({ ...(it as object) })],
    ['entries', it => inspect(Object.entries(it as object), { depth: 9 })],
    ['for in', it => Object.values(it as object).map(String)],
    ['an assertion', it => assert.deepStrictEqual(it as object, {})],
    ['an assertion of two', it => assert.deepEqual(it as object, holders(new Secret(`${value}!`))[2])],
    ['pino', it => logged(log => log.error({ ...{ it } }))],
    [
      'pino with err',
      it => logged(log => log.error({ err: it, it }, 'failed %o %s %j', it as object, it, it as object))
    ]
  ]
  for (const [name, show] of ways) {
    for (const [i, it] of holders(secret).entries()) t.notOk(shownBy(show, it).includes(value), `${name}: holder ${i}`)
  }
})

t.test('the log of the server and a failure tell nothing of a secret that is handed to them by mistake', async t => {
  const text = logged(log => {
    const { observe } = createLog({ level: 'trace', destination: { write: line => log.info(line) } })
    observe('work.failed', { execution: 'e', step: 's', code: secret as unknown as string, cause: 'c' })
    observe('alert', { code: 'c', execution: 'e', secret } as never)
    observe('alert', secret as never)
  })
  t.match(text, /event\.malformed/)
  t.notOk(text.includes(value))
  const failure = new Failure('SECRET_UNAVAILABLE', { cause: secret })
  t.equal(causeOf(failure), 'none')
  t.notOk(shownBy(it => inspect(it, { customInspect: false }), failure).includes(value))
  t.notOk(`${failure.stack}${failure}`.includes(value))
})

t.test('a secret is lent for one use, and what is left of it afterwards reveals nothing', async t => {
  let kept: Secret<string> | undefined
  const answer = await secret.lend(async lent => {
    kept = lent
    return lent.reveal().length
  })
  t.equal(answer, value.length)
  t.throws(() => kept?.reveal(), /after the call/)
  await t.rejects(
    secret.lend(async lent => {
      kept = lent
      throw new Error('broken')
    }),
    /broken/
  )
  t.throws(() => kept?.reveal(), /after the call/, 'also where the use fails')
  t.equal(secret.reveal(), value, 'the secret itself is still there')
  t.throws(() => Object.defineProperty(secret, 'toJSON', { value: () => value }), TypeError, 'nothing is put over it')
})

t.test('the search of this file finds what is shown', async (t: Test) => {
  t.ok(shownBy(JSON.stringify, { held: value }).includes(value))
  t.ok(logged(log => log.error({ held: value })).includes(value))
})

function logged(write: (log: pino.Logger) => void): string {
  let text = ''
  const log = pino(
    { level: 'trace' },
    {
      write(line: string) {
        text += line
      }
    }
  )
  write(log)
  return text
}
