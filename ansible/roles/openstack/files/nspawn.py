# nova/virt/nspawn.py : instances are systemd-nspawn machines, VIFs are veth pairs in br-int (OVN binds them by iface-id)
import json, os, shutil, time
import eventlet
from oslo_concurrency import lockutils, processutils
from oslo_log import log as logging
from oslo_utils import versionutils, fileutils
import nova.conf
from nova import exception
from nova.api.metadata import base as instance_metadata
from nova.compute import power_state
from nova.image import glance
from nova.objects import fields as f
from nova.virt import configdrive, driver, hardware
from oslo_config import cfg

CONF = nova.conf.CONF
CONF.register_opts([
    cfg.IntOpt('vcpus', default=64), cfg.IntOpt('memory_mb', default=524288, deprecated_name='memory_mib'), cfg.IntOpt('local_gb', default=4000, deprecated_name='disk_gib'), cfg.ListOpt('devices', default=[]),
    cfg.IntOpt('gpus', default=4), cfg.StrOpt('gpu_vendor', default='10de'), cfg.StrOpt('gpu_product', default='2335'),
    cfg.StrOpt('bridge', default='br-int')], group='nspawn')
LOG = logging.getLogger(__name__)


def sh(*cmd, **kw):
    kw.setdefault('check_exit_code', [0])
    return processutils.execute(*cmd, **kw)[0]


class NspawnDriver(driver.ComputeDriver):
    capabilities = dict(driver.ComputeDriver.capabilities, has_imagecache=True, supports_image_type_raw=True,
                        supports_image_type_qcow2=True, supports_attach_interface=False)

    def init_host(self, host):
        self._host = host
        self.base = os.path.join(CONF.instances_path, '_base')
        fileutils.ensure_tree(self.base)

    # ---- inventory -------------------------------------------------------------------------------------
    def get_available_nodes(self, refresh=False):
        return [CONF.host]

    def get_host_ip_addr(self):
        return CONF.my_ip

    def _gpus(self):
        r = []
        for spec in CONF.nspawn.devices:
            vendor, product, count = spec.split(':')
            for _ in range(int(count)):
                r.append({'dev_id': 'pci_0000_%02x_00_0' % (0x41 + len(r)), 'address': '0000:%02x:00.0' % (0x41 + len(r)),
                          'vendor_id': vendor, 'product_id': product, 'label': 'label_%s_%s' % (vendor, product),
                          'dev_type': f.PciDeviceType.STANDARD, 'numa_node': None, 'parent_addr': None})
        return r

    def get_available_resource(self, nodename):
        return {'vcpus': CONF.nspawn.vcpus, 'memory_mb': CONF.nspawn.memory_mb, 'local_gb': CONF.nspawn.local_gb,
                'vcpus_used': 0, 'memory_mb_used': 0, 'local_gb_used': 0, 'disk_available_least': CONF.nspawn.local_gb,
                'hypervisor_type': 'nspawn', 'hypervisor_version': versionutils.convert_version_to_int('1.0'),
                'hypervisor_hostname': nodename, 'cpu_info': '{}', 'numa_topology': None,
                'supported_instances': [(f.Architecture.X86_64, f.HVType.LXC, f.VMMode.EXE),
                                        (f.Architecture.X86_64, f.HVType.QEMU, f.VMMode.HVM)],
                'pci_passthrough_devices': json.dumps(self._gpus())}

    def update_provider_tree(self, provider_tree, nodename, allocations=None):
        r = self._get_allocation_ratios(provider_tree.data(nodename).inventory)
        def inv(total, ratio): return {'total': total, 'min_unit': 1, 'max_unit': total, 'step_size': 1, 'reserved': 0, 'allocation_ratio': ratio}
        provider_tree.update_inventory(nodename, {'VCPU': inv(CONF.nspawn.vcpus, r['VCPU']),
            'MEMORY_MB': inv(CONF.nspawn.memory_mb, r['MEMORY_MB']), 'DISK_GB': inv(CONF.nspawn.local_gb, r['DISK_GB'])})

    # ---- instances -------------------------------------------------------------------------------------
    def _dir(self, i): return os.path.join(CONF.instances_path, i if isinstance(i, str) else i.uuid)
    def _unit(self, i): return 'nova-%s.service' % (i if isinstance(i, str) else i.uuid)
    def _ns(self, i): return 'nova-' + i.uuid[:8] + i.uuid[-4:]

    def list_instance_uuids(self):
        return [d for d in os.listdir(CONF.instances_path) if os.path.exists(os.path.join(CONF.instances_path, d, 'name'))]

    def list_instances(self):
        return [open(os.path.join(CONF.instances_path, d, 'name')).read() for d in self.list_instance_uuids()]

    def instance_exists(self, instance):
        return os.path.exists(os.path.join(self._dir(instance), 'name'))

    def get_num_instances(self):
        return len(self.list_instance_uuids())

    def get_info(self, instance, use_cache=True):
        if not self.instance_exists(instance):
            raise exception.InstanceNotFound(instance_id=instance.uuid)
        s = sh('systemctl', 'is-active', self._unit(instance), check_exit_code=False).strip()
        return hardware.InstanceInfo(state=power_state.RUNNING if s in ('active', 'activating') else power_state.SHUTDOWN)

    def _base_image(self, context, image_id):
        b = os.path.join(self.base, image_id)
        with lockutils.lock('nspawn-' + image_id):
            if os.path.isdir(b):
                return b
            f_, t = b + '.part', b + '.tmp'
            shutil.rmtree(t, ignore_errors=True); os.makedirs(t)
            glance.API().download(context, image_id, dest_path=f_)
            h = open(f_, 'rb').read(512)
            if h[:4] == b'QFI\xfb':
                sh('qemu-img', 'convert', '-O', 'raw', f_, f_ + '.raw'); os.replace(f_ + '.raw', f_)
                h = b''
            if h[257:262] == b'ustar' or h[:2] == b'\x1f\x8b' or h[:4] == b'\x28\xb5\x2f\xfd':
                sh('tar', '-C', t, '--numeric-owner', '--xattrs', '-xf', f_)
            else:   # a filesystem, or a partitioned disk: largest partition wins
                off = 0
                p = json.loads(sh('sfdisk', '-J', f_, check_exit_code=False) or '{}').get('partitiontable', {}).get('partitions')
                if p: off = max(p, key=lambda x: x['size'])['start'] * 512
                m = b + '.mnt'; fileutils.ensure_tree(m)
                sh('mount', '-o', 'ro,loop,offset=%d' % off, f_, m)
                try: sh('cp', '-a', m + '/.', t)
                finally: sh('umount', m); os.rmdir(m)
            os.unlink(f_); os.rename(t, b)
        return b

    def spawn(self, context, instance, image_meta, injected_files, admin_password, allocations,
              network_info=None, block_device_info=None, power_on=True, accel_info=None):
        t0 = time.time(); d = self._dir(instance)
        b = self._base_image(context, image_meta.id); t1 = time.time()
        for x in ('up', 'work', 'root'): fileutils.ensure_tree(os.path.join(d, x))
        open(os.path.join(d, 'lower'), 'w').write(b)
        self._mount(instance)
        r = os.path.join(d, 'root')
        # config drive, as a seed directory instead of a disk
        md = instance_metadata.InstanceMetadata(instance, content=injected_files,
                                                extra_md={'admin_pass': admin_password} if admin_password else {}, network_info=network_info)
        seed = os.path.join(r, 'var/lib/cloud/seed/config_drive'); shutil.rmtree(seed, ignore_errors=True)
        with configdrive.ConfigDriveBuilder(instance_md=md) as cdb: cdb._write_md_files(seed)
        os.chmod(seed, 0o700)
        gp = [p.address for p in instance.get_pci_devices()]
        if gp: open(os.path.join(r, 'etc/nova-pci-devices'), 'w').write('\n'.join(gp) + '\n')
        open(os.path.join(d, 'name'), 'w').write(instance.name)
        ev = [('network-vif-plugged', v['id']) for v in network_info if v.get('active', True) is False] if CONF.vif_plugging_timeout else []
        try:
            with self.virtapi.wait_for_instance_event(instance, ev, deadline=CONF.vif_plugging_timeout):
                self.plug_vifs(instance, network_info); t2 = time.time()
        except eventlet.timeout.Timeout:
            if CONF.vif_plugging_is_fatal:
                raise exception.VirtualInterfaceCreateException()
        t3 = time.time()
        if power_on: self._start(instance)
        LOG.info('nspawn spawn: events %s image %.2f, files %.2f, neutron event %.2f, start %.2f s', ev, t1 - t0, t2 - t1, t3 - t2, time.time() - t3, instance=instance)

    def _mount(self, instance):
        d = self._dir(instance); r = os.path.join(d, 'root')
        if not os.path.ismount(r):
            sh('mount', '-t', 'overlay', instance.name, '-o', 'lowerdir=%s,upperdir=%s/up,workdir=%s/work' % (open(d + '/lower').read(), d, d), r)

    # ---- cgroup v1 (the controllers of these machines): one group per instance in every tree; the flavor's RAM and CPUs are its limits --------
    CG = ('cpu', 'cpuacct', 'cpuset', 'memory', 'devices', 'freezer', 'blkio', 'pids')

    def _cg_dirs(self, instance): return ['/run/cgv1/%s/%s' % (c, self._unit(instance)[:-8]) for c in self.CG]

    def _cg_make(self, instance):
        def put(f, v):
            try: open(f, 'w').write(str(v))
            except OSError as e: LOG.warning('%s: %s', f, e, instance=instance)
        for c, d in zip(self.CG, self._cg_dirs(instance)):
            t = os.path.dirname(d)
            if not os.path.ismount(t): fileutils.ensure_tree(t); sh('mount', '-t', 'cgroup', '-o', c, 'cgroup', t)
            fileutils.ensure_tree(d)
            if c == 'cpuset':
                for x in ('cpuset.cpus', 'cpuset.mems'): put(d + '/' + x, open(t + '/' + x).read())
        mem, cpus = instance.flavor.memory_mb, instance.flavor.vcpus
        put('/run/cgv1/memory/%s/memory.limit_in_bytes' % self._unit(instance)[:-8], mem << 20)
        put('/run/cgv1/cpu/%s/cpu.shares' % self._unit(instance)[:-8], 1024 * cpus)
        if cpus < os.cpu_count(): put('/run/cgv1/cpu/%s/cpu.cfs_quota_us' % self._unit(instance)[:-8], 100000 * cpus)

    def _cg_remove(self, instance):
        t = '/run/cgv1/systemd'   # nspawn makes the name=systemd tree of a v1 guest and leaves it behind
        if not os.path.ismount(t): fileutils.ensure_tree(t); sh('mount', '-t', 'cgroup', '-o', 'none,name=systemd', 'cgroup', t, check_exit_code=False)
        for d in self._cg_dirs(instance) + [t + '/machine.slice/' + self._unit(instance)]:
            for p, _, _ in os.walk(d, topdown=False):
                try: os.rmdir(p)
                except OSError: pass

    def _conf(self, instance):   # what the image asks of this driver: {"cgroup": "v1", "volumes": ["/var/lib/containerd"]}
        try: return json.load(open(os.path.join(self._dir(instance), 'root/etc/nova-nspawn.json')))
        except (OSError, ValueError): return {}

    def _volumes(self, instance, conf):   # directories on the disk itself instead of the overlay, filled from the image
        d = self._dir(instance); r = []
        for v in conf.get('volumes', []):
            p = os.path.join(d, 'vol', v.strip('/').replace('/', '_'))
            if not os.path.isdir(p):
                fileutils.ensure_tree(os.path.dirname(p)); src = os.path.join(open(d + '/lower').read(), v.strip('/'))
                sh('cp', '-a', src, p + '.part') if os.path.isdir(src) else fileutils.ensure_tree(p + '.part')
                os.rename(p + '.part', p)
            fileutils.ensure_tree(os.path.join(d, 'root', v.strip('/'))); r.append('--bind=%s:%s' % (p, v))
        return r

    def _start(self, instance):
        d = self._dir(instance)
        self._mount(instance)
        conf = self._conf(instance); extra = self._volumes(instance, conf); self._cg_make(instance); v1 = conf.get('cgroup') == 'v1'
        if v1: extra += ['--system-call-filter=@keyring bpf perf_event_open', 'SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1']
        sh('systemctl', 'reset-failed', self._unit(instance), check_exit_code=False)
        sh('systemd-run', '-q', '--expand-environment=no', '--unit', self._unit(instance), '--slice=machine.slice', '--collect',
           '-p', 'Delegate=yes', '-p', 'KillMode=mixed', '-p', 'TimeoutStopSec=15', '-p', 'TasksMax=infinity',
           '-p', 'RestartForceExitStatus=133', '-p', 'SuccessExitStatus=133', '-p', 'NetworkNamespacePath=/run/netns/' + self._ns(instance),
           '-p', 'StandardInput=null', '-p', 'StandardOutput=append:%s/console.log' % d, '-p', 'StandardError=inherit',
           '--setenv=SYSTEMD_NSPAWN_API_VFS_WRITABLE=network',   # sysctls of its own netns
           *(['--setenv=SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=0'] if v1 else []),
           'sh', '-c', 'for c in %s; do echo $$ > $c/cgroup.procs; done; exec "$@"' % ' '.join(self._cg_dirs(instance)), 'sh',
           'systemd-nspawn', '-q', '-b', '-D', d + '/root', '-M', instance.name, '--uuid', instance.uuid, '--keep-unit', '--register=no',
           '--capability=CAP_NET_ADMIN', '--resolv-conf=off', '--timezone=off',
           '--link-journal=no', '--console=read-only', '--kill-signal=SIGRTMIN+3', *extra)

    def _stop(self, instance):
        sh('systemctl', 'stop', self._unit(instance), check_exit_code=False)
        sh('systemctl', 'reset-failed', self._unit(instance), check_exit_code=False)
        self._cg_remove(instance)

    def power_off(self, instance, timeout=0, retry_interval=0):
        self._stop(instance)

    def power_on(self, context, instance, network_info, block_device_info=None, accel_info=None, share_info=None):
        self.unplug_vifs(instance, network_info); self.plug_vifs(instance, network_info); self._start(instance)

    def reboot(self, context, instance, network_info, reboot_type, block_device_info=None, bad_volumes_callback=None,
               accel_info=None, share_info=None):
        self._stop(instance); self.power_on(context, instance, network_info)

    def resume_state_on_host_boot(self, context, instance, network_info, share_info, block_device_info=None):
        if self.get_info(instance).state != power_state.RUNNING: self.power_on(context, instance, network_info)

    def destroy(self, context, instance, network_info, block_device_info=None, destroy_disks=True, destroy_secrets=True):
        sh('systemctl', 'kill', '-s', 'KILL', self._unit(instance), check_exit_code=False)   # deleted: no clean shutdown needed
        self._stop(instance)
        self.cleanup(context, instance, network_info, block_device_info, destroy_disks)

    def cleanup(self, context, instance, network_info, block_device_info=None, destroy_disks=True, migrate_data=None,
                destroy_vifs=True, destroy_secrets=True):
        self._stop(instance)
        self.unplug_vifs(instance, network_info)
        d = self._dir(instance)
        if os.path.ismount(d + '/root'): sh('umount', d + '/root')
        if destroy_disks: shutil.rmtree(d, ignore_errors=True)

    def delete_instance_files(self, instance):
        shutil.rmtree(self._dir(instance), ignore_errors=True); return True

    def get_console_output(self, context, instance):
        p = os.path.join(self._dir(instance), 'console.log')
        return open(p, 'rb').read()[-65536:] if os.path.exists(p) else b''

    # ---- network ---------------------------------------------------------------------------------------
    def plug_vifs(self, instance, network_info):
        ns = self._ns(instance)
        if not os.path.exists('/run/netns/' + ns):
            sh('ip', 'netns', 'add', ns); sh('ip', '-n', ns, 'link', 'set', 'lo', 'up')
        for n, v in enumerate(network_info):
            tap, nic, br = v['devname'], 'nic' + v['id'][:11], CONF.nspawn.bridge
            if os.path.exists('/sys/class/net/' + tap): continue
            mtu = str(v['network'].get_meta('mtu') or 1500)
            sh('ip', 'link', 'add', tap, 'mtu', mtu, 'type', 'veth', 'peer', 'name', nic, 'mtu', mtu, 'address', v['address'])
            # userspace OVS reads the frames raw: checksums must be complete
            sh('ethtool', '-K', nic, 'tx', 'off', 'tso', 'off', 'gso', 'off'); sh('ethtool', '-K', tap, 'tx', 'off', 'tso', 'off', 'gso', 'off', 'gro', 'off')
            sh('ip', 'link', 'set', nic, 'netns', ns, 'name', 'eth%d' % n)
            sh('ip', 'link', 'set', tap, 'up')
            sh('ovs-vsctl', '--timeout=20', '--', '--may-exist', 'add-port', br, tap, '--', 'set', 'Interface', tap,
               'external_ids:iface-id=' + v['id'], 'external_ids:attached-mac=' + v['address'],
               'external_ids:vm-uuid=' + instance.uuid, 'external_ids:iface-status=active')

    def unplug_vifs(self, instance, network_info):
        for v in network_info or []:
            sh('ovs-vsctl', '--timeout=20', '--if-exists', 'del-port', CONF.nspawn.bridge, v['devname'])
            sh('ip', 'link', 'del', v['devname'], check_exit_code=False)
        sh('ip', 'netns', 'del', self._ns(instance), check_exit_code=False)
