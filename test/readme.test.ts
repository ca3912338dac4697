import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { variables } from '../src/config/variables.ts'

const root = join(import.meta.dirname, '..')
const read = (file: string) => readFileSync(join(root, file), 'utf8')

t.test('the README names every variable with what it means and its default', async t => {
  const rows = read('README.md')
    .split('\n')
    .filter(line => /^\| `[A-Z_]+`/.test(line))
  const expected = variables.map(each => {
    const value = each.required ? '**required**' : (each.default ?? 'none')
    return `| \`${each.name}\` | ${each.meaning.replaceAll('|', '\\|')} | ${value} |`
  })
  t.strictSame(rows, expected)
})

t.test('the commands of the README are there', async t => {
  const scripts = JSON.parse(read('package.json')).scripts
  const named = [...read('README.md').matchAll(/npm (?:run )?(start|test|demo|check|chaos|bench)\b/g)].map(
    ([, name]) => name ?? ''
  )
  t.ok(named.length > 5)
  for (const name of named) t.ok(scripts[name], name)
  t.match(read('.ci/run'), /npm test/)
})

t.test('every page and test that a document points to is there', async t => {
  for (const file of ['README.md', 'SECURITY.md']) {
    const links = [...read(file).matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map(([, target]) => target ?? '')
    const paths = [...read(file).matchAll(/`((?:test|src|routes|plugins)\/[\w./-]+)`/g)].map(
      ([, target]) => target ?? ''
    )
    for (const target of [...links, ...paths]) t.ok(existsSync(join(root, target)), `${file}: ${target}`)
  }
})
