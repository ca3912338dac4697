import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Report } from '../verdict.ts'

const root = join(import.meta.dirname, '../../..')
const suites = ['test/store/sqlite.test.ts', 'test/store/mongodb.test.ts']

/** C22: the contract suite of the store port, on both adapters. */
export async function contract(): Promise<Report> {
  const child = spawn(process.execPath, ['test/run.ts', ...suites], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.on('data', data => {
    output += data
  })
  const [code] = await once(child, 'exit')
  const none = { acknowledged: 0, lost: 0, doubled: 0, disordered: 0, rerun: 0, gaps: 0, fenced: 0, unknown: 0 }
  return {
    case: 'C22 the contract of the store on both adapters',
    struck: { others: 1 },
    ...none,
    remark: output.trim().split('\n').at(-1) ?? '',
    problems: code === 0 ? [] : output.split('\n').filter(line => /^\s*not ok/.test(line))
  }
}
