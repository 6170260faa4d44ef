/** The clients of the snippets: how each is brought from its language's registry, and run. */
import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { $ } from 'zx';

export interface Client {
  /** The last word of its snippet's name. */
  readonly snippet: string;
  /** Its name in the table, where that is another. */
  readonly name?: string;
  readonly language: 'node' | 'python' | 'go' | 'java';
  /** What the snippet's note says to save it as. */
  readonly file: string;
  /** Brings it into the folder. @returns its version; undefined where this machine lacks what that needs */
  readonly install: (folder: string) => Promise<string | undefined>;
  /** What turns the program in a folder below into what runs. */
  readonly build?: (folder: string, program: string) => Promise<unknown>;
  readonly command: (folder: string, program: string) => readonly string[];
  /** Why its snippet can't run. */
  readonly cannot?: string;
  /** What a snippet does once it is connected → the same writes, one after the other, until a file is there. */
  readonly steady: readonly (readonly [shown: RegExp, instead: string])[];
}

const PINS = 'scripts/clients';

/** Each writes key after key, and prints `+NUMBER` for an answer, `-NUMBER ERROR` for an error. */
const STEADY_NODE: Client['steady'] = [
  [
    /^await cluster\.set\(.*\n.*cluster\.get\(.*$/m,
    `const { existsSync } = process.getBuiltinModule('fs');
for (let number = 1; !existsSync(process.env.STOP); number += 1) {
  await cluster.set(process.env.KEY + number, number).then(
    () => console.log('+' + number),
    (error) => console.log('-' + number + ' ' + error),
  );
  await new Promise((resolve) => setTimeout(resolve, 1));
}`,
  ],
];

const STEADY_PYTHON: Client['steady'] = [
  [
    /^cluster\.set\(.*\n.*cluster\.get\(.*$/m,
    `import itertools, os, time
for number in itertools.count(1):
    if os.path.exists(os.environ["STOP"]):
        break
    try:
        cluster.set(os.environ["KEY"] + str(number), number)
        print(f"+{number}", flush=True)
    except Exception as error:
        print(f"-{number} {type(error).__name__}: {error}", flush=True)
    time.sleep(0.001)`,
  ],
];

const STEADY_GO: Client['steady'] = [
  [/\t"os"\n/, '\t"os"\n\t"time"\n'],
  [
    /^\tmust\(cluster\.Set\(.*\n.*cluster\.Get\(.*$/m,
    `	for number := 1; ; number++ {
		if _, err := os.Stat(os.Getenv("STOP")); err == nil {
			break
		}
		if err := cluster.Set(ctx, fmt.Sprint(os.Getenv("KEY"), number), number, 0).Err(); err != nil {
			fmt.Printf("-%d %v\\n", number, err)
		} else {
			fmt.Printf("+%d\\n", number)
		}
		time.Sleep(time.Millisecond)
	}`,
  ],
];

const steadyJava = (commands: string): Client['steady'] => [
  [
    /^ +(?:cluster|connection\.sync\(\))\.set\(.*\n.*\.get\(.*$/m,
    `for (int number = 1; !new java.io.File(System.getenv("STOP")).exists(); number++) {
    try {
        ${commands}.set(System.getenv("KEY") + number, "" + number);
        System.out.println("+" + number);
    } catch (Exception error) {
        System.out.println("-" + number + " " + error);
    }
    Thread.sleep(1);
}`,
  ],
];

export const CLIENTS: readonly Client[] = [
  nodeClient('ioredis', 'ioredis'),
  nodeClient('node-redis', 'redis'),
  {
    snippet: 'redis-py',
    language: 'python',
    file: 'hello.py',
    install: async (folder) => {
      if (!(await has('python3 -m venv --help'))) return undefined;
      const python = join(folder, 'venv/bin/python');
      if (!existsSync(python)) await $`python3 -m venv ${join(folder, 'venv')}`;
      await $`${python} -m pip install --quiet --requirement ${PINS}/requirements.txt`;
      return redisPyVersion(python);
    },
    command: (folder, program) => [join(folder, 'venv/bin/python'), program],
    steady: STEADY_PYTHON,
  },
  {
    snippet: 'redis-py',
    name: "redis-py (Debian's python3-redis)",
    language: 'python',
    file: 'hello.py',
    install: async () =>
      (await has('/usr/bin/python3 -c "import redis"')) ? redisPyVersion('/usr/bin/python3') : undefined,
    command: (_, program) => ['/usr/bin/python3', program],
    cannot: 'no address_remap',
    steady: STEADY_PYTHON,
  },
  {
    snippet: 'go-redis',
    language: 'go',
    file: 'hello.go',
    install: async (folder) => {
      if (!(await has('go version'))) return undefined;
      for (const file of ['go.mod', 'go.sum']) copyFileSync(join(PINS, file), join(folder, file));
      const { stdout } = await $({ cwd: folder })`go list -m -f {{.Version}} github.com/redis/go-redis/v9`;
      return stdout.trim().replace(/^v/, '');
    },
    build: (folder, program) => $({ cwd: folder })`go build -o ${program}.built ${program}`,
    command: (_, program) => [`${program}.built`],
    steady: STEADY_GO,
  },
  javaClient('Jedis', 'jedis', 'cluster'),
  javaClient('Lettuce', 'lettuce-core', 'connection.sync()'),
];

export function nodeClient(snippet: string, name: string): Client {
  return {
    snippet,
    language: 'node',
    file: 'hello.mjs',
    install: async (folder) => {
      const found = join(folder, 'node_modules');
      rmSync(found, { force: true });
      symlinkSync(join(process.cwd(), 'node_modules'), found);
      return (JSON.parse(readFileSync(join(found, name, 'package.json'), 'utf8')) as { version: string }).version;
    },
    command: (_, program) => [process.execPath, program],
    steady: STEADY_NODE,
  };
}

function javaClient(snippet: string, artifact: string, commands: string): Client {
  return {
    snippet,
    language: 'java',
    file: 'Hello.java',
    install: async (folder) => {
      if (!(await has('mvn --version && java --version'))) return undefined;
      const jars = join(folder, 'jars');
      rmSync(jars, { recursive: true, force: true });
      await $`mvn --batch-mode --quiet --file ${PINS}/pom.xml dependency:copy-dependencies -DoutputDirectory=${jars}`;
      const jar = new RegExp(`^${artifact}-(\\d.*?)(?:\\.RELEASE)?\\.jar$`);
      return readdirSync(jars).flatMap((name) => jar.exec(name)?.[1] ?? [])[0];
    },
    command: (folder, program) => ['java', '-cp', join(folder, 'jars/*'), program],
    steady: steadyJava(commands),
  };
}

async function has(command: string): Promise<boolean> {
  return (await $({ nothrow: true, quiet: true })`sh -c ${command}`).exitCode === 0;
}

async function redisPyVersion(python: string): Promise<string> {
  return (await $`${python} -c ${'import redis; print(redis.__version__)'}`).stdout.trim();
}

export function nameOf({ snippet, name = snippet }: Client): string {
  return name;
}
