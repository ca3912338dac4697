import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { knomly, startFile } from './commands.ts'
import { until } from './stage.ts'

// Without a PATH there is no Python, so that no test fetches the speech model: where it is missing, the words are canned.
const alone = { PATH: '/nonexistent' }

t.test('the demo shows everything, can be tried while it is kept, and leaves nothing behind', async t => {
  const { demo, dir } = start(t, 'src/demo.ts', ['--keep'])
  await until(() => demo.output().includes('npx knomly send'), 60_000)
  const shown = demo.output()
  t.match(shown, /stand-ins .*no account, no key/)
  t.match(shown, /acknowledged +200 in [\d.]+ m?s/)
  t.match(shown, /heard +"Remind me to call the plumber to-?morrow at nine\."/)
  t.match(shown, /tool called +create_task/)
  t.match(shown, /answer +I heard: ".*\n\n +I put "Call the plumber/)
  t.match(shown, /speech\.transcribed .*[0-9a-f]{8}\n.*chain of hashes is whole/s)
  t.equal(shown.match(/403, empty body, nothing kept/g)?.length, 2)
  t.match(shown, /killed -9 +while the model was thinking, 6 frames/)
  t.equal(shown.match(/^yes {2}/gm)?.length, 5)
  t.match(shown, /All of it held, in/)
  t.ok(shown.split('\n\nIt runs on')[0]!.split('\n').length <= 70, 'it fits on a screen')
  t.notMatch(shown, '\u001b', 'it has no colour where there is no terminal')

  const settings = settingsIn(dir)
  const sent = await knomly(settings, 'send', 'test/voices/p01-request.ogg')
  t.match(sent, { code: 0, output: /Answer: I heard: "Remind me/ })
  const commands = shown.match(/^curl -sS -i [^\n]*(?:\\\n[^\n]*)*/gm)
  t.equal(commands?.length, 2, 'it prints a signed and a forged message')

  demo.kill('SIGINT')
  t.equal((await demo.ended).code, 0)
  t.strictSame(readdirSync(dir), [])
  await t.rejects(fetch(`${settings.PUBLIC_URL}/health/live`), 'the server is gone')
})

t.test('the demo of approvals shows one deletion from the wish to the act', async t => {
  const { demo, dir } = start(t, 'src/demo.ts', ['approvals'])
  const { code, output } = await demo.ended
  t.equal(code, 0, output)
  t.match(output, /asked +🔐 DELETE: Shall I do exactly this\?/)
  t.match(output, /forwarded +a tap on its button: refused \(forwarded\)/)
  t.match(output, /decided +approved by the principal, by code/)
  t.match(output, /answer +.*I deleted "Review the budget" from your list\./s)
  t.equal(output.match(/^yes {2}/gm)?.length, 4)
  t.strictSame(readdirSync(dir), [])
})

t.test('without a speech model and without Python the demo says so and uses canned words', async t => {
  const { demo, dir } = start(t, 'test/demo-entry.ts', [], { DEMO_MODEL_DIR: '/nonexistent' })
  const { code, output } = await demo.ended
  t.equal(code, 0, output)
  t.match(output, /no speech is recognised: the words are canned/)
  t.match(output, /heard +"Remind me to call the plumber tomorrow at nine\." \(canned/)
  t.match(output, /recognition \(asked for once\)/)
  t.strictSame(readdirSync(dir), [])
})

t.test('where the answer never comes the demo says what did not hold and fails', async t => {
  const { demo } = start(t, 'test/demo-entry.ts', [], { DEMO_MODEL_DIR: '/nonexistent', DEMO_AGENT: 'silent' })
  const { code, output } = await demo.ended
  t.equal(code, 1)
  t.match(output, /did not hold: an answer did not happen within 1 s/)
  t.match(output, /^no {3}a voice note was heard/m)
  t.match(output, /^yes {2}forged webhooks were refused/m)
  t.match(output, /4 of it did not hold/)
})

t.test('stopped in the middle, the demo cleans up', async t => {
  const { demo, dir } = start(t, 'src/demo.ts', [])
  await until(() => demo.output().includes('posted'), 60_000)
  demo.kill('SIGINT')
  t.match(await demo.ended, { code: 130, output: /Stopped\.\n$/ })
  t.strictSame(readdirSync(dir), [])
})

/** Starts the demo with a temporary folder of its own. */
function start(
  t: { teardown(handler: () => unknown): void },
  file: string,
  args: string[],
  env: Record<string, string> = {}
) {
  const dir = mkdtempSync(join(tmpdir(), 'knomly-test-'))
  const demo = startFile(file, args, { ...alone, TMPDIR: dir, ...env })
  t.teardown(async () => {
    demo.kill('SIGTERM')
    await demo.ended
    rmSync(dir, { recursive: true, force: true })
  })
  return { demo, dir }
}

/** The settings that the kept demo wrote down for the commands. */
function settingsIn(dir: string): Record<string, string> {
  const [folder = ''] = readdirSync(dir)
  const lines = readFileSync(join(dir, folder, 'settings.env'), 'utf8')
    .trim()
    .split('\n')
  return Object.fromEntries(lines.map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]))
}
