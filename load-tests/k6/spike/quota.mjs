// A small machine on a big one: Linux lets a process have so much CPU and no more, by a control group. That takes root's rights or
// a delegated group; without them nodes are as big as the machine, and adding one cannot help where the machine is full.

import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

// Short, so that a process that used its share waits some milliseconds and not a tenth of a second.
const PERIOD_US = 10_000;
const LEAST_US = 1_000;

/** Limits a process and all its threads to `cores`; returns what undoes it once the process is gone, or nothing where it is not allowed. */
export async function limitCpu(pid, name, cores) {
  const period = Math.max(PERIOD_US, Math.ceil(LEAST_US / cores));
  const quota = Math.round(period * cores);
  const first = { 'cpu.cfs_period_us': period, 'cpu.cfs_quota_us': quota };
  const second = { 'cpu.max': `${quota} ${period}` };
  // Version 1 of control groups, within our own; version 2, within our own where it may be divided, else beside all others.
  for (const [root, settings] of [
    [join('/sys/fs/cgroup/cpu', await ownGroup('cpu')), first],
    [join('/sys/fs/cgroup', await ownGroup('')), second],
    ['/sys/fs/cgroup', second],
  ]) {
    const group = join(root, name);
    try {
      await mkdir(group);
      if (!Object.keys(settings).every((file) => existsSync(join(group, file)))) throw new Error('this kernel limits elsewhere');
      for (const [file, value] of Object.entries(settings)) await writeFile(join(group, file), String(value));
      await writeFile(join(group, 'cgroup.procs'), String(pid));
      return () => rmdir(group).catch(() => {});
    } catch {
      await rmdir(group).catch(() => {});
    }
  }
  return undefined;
}

/** The path of the group that we are in, of version 1 by its controller, of version 2 by none. */
async function ownGroup(controller) {
  const groups = await readFile('/proc/self/cgroup', 'utf8').catch(() => '');
  const own = groups.split('\n').map((line) => line.split(':')).find(([, controllers]) => controllers?.split(',').includes(controller));
  return own?.[2] ?? '/';
}

/** CPU seconds that a process has used so far; undefined when it is gone. */
export async function cpuSeconds(pid) {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  if (!stat) return undefined;
  // Fields are counted after the name, which may hold anything; user and system time are in ticks, 100 a second on Linux.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
