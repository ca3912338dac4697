/** Why a start failed, as a sentence that says what to do: the system's own errors name no variable. */
export function startError(error: unknown): string {
  if (!(error instanceof Error)) return 'Something that is no error was thrown.'
  const { code = '', syscall = '' } = error as NodeJS.ErrnoException
  if (syscall === 'listen' || syscall === 'bind')
    return listenSentences[code] ?? `HOST and PORT cannot be used (${code}).`
  if (folderCodes.has(code))
    return `DATA_DIR cannot be used (${code}): set it to a folder that this user may make and write.`
  return error.message
}

const listenSentences: Readonly<Record<string, string>> = {
  EADDRINUSE: 'PORT is in use: stop what listens there, or set another PORT.',
  EACCES: 'PORT may not be listened on by this user: set one above 1023.',
  EADDRNOTAVAIL:
    'HOST is no address of this machine: set it to 127.0.0.1, to 0.0.0.0, or to an address of this machine.',
  ENOTFOUND: 'HOST is not known: set it to 127.0.0.1, to 0.0.0.0, or to an address of this machine.'
}

const folderCodes: ReadonlySet<string> = new Set([
  'ENOTDIR',
  'EACCES',
  'EPERM',
  'EROFS',
  'ENOSPC',
  'EISDIR',
  'ENAMETOOLONG'
])
