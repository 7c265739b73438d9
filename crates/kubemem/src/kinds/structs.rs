//! The fields of the server's own structs, in their order, as refusals quote them.

/// A struct: its name, and its fields. A field is written as `Name`, or as `Name=json` where the name in JSON is not the same
/// with a small first letter. A type may follow: `:Type` for a struct that may be missing, `!Type` for one that is always there,
/// `[Type` for a list of them, `"` for a text, `?` for a bool and `#` for a number that are always there. All else is null where
/// it is not given.
#[rustfmt::skip]
pub(super) const STRUCTS: &[(&str, &str)] = &[
    ("AWSElasticBlockStoreVolumeSource", r#"VolumeID" FSType=fsType" Partition# ReadOnly?"#),
    ("Affinity", r#"NodeAffinity:NodeAffinity PodAffinity:PodAffinity PodAntiAffinity:PodAntiAffinity"#),
    ("AppArmorProfile", r#"Type" LocalhostProfile"#),
    ("AzureDiskVolumeSource", r#"DiskName" DataDiskURI=diskURI" CachingMode FSType=fsType ReadOnly Kind"#),
    ("AzureFileVolumeSource", r#"SecretName" ShareName" ReadOnly?"#),
    ("CSIVolumeSource", r#"Driver" ReadOnly FSType=fsType VolumeAttributes NodePublishSecretRef:LocalObjectReference"#),
    ("Capabilities", r#"Add Drop"#),
    ("CephFSVolumeSource", r#"Monitors Path" User" SecretFile" SecretRef:LocalObjectReference ReadOnly?"#),
    ("CinderVolumeSource", r#"VolumeID" FSType=fsType" ReadOnly? SecretRef:LocalObjectReference"#),
    ("ClusterTrustBundleProjection", r#"Name SignerName LabelSelector Optional Path""#),
    ("ConfigMapEnvSource", r#"Name" Optional"#),
    ("ConfigMapKeySelector", r#"Name" Key" Optional"#),
    ("ConfigMapProjection", r#"Name" Items[KeyToPath Optional"#),
    ("ConfigMapVolumeSource", r#"Name" Items[KeyToPath DefaultMode Optional"#),
    ("Container", r#"Name" Image" Command Args WorkingDir" Ports[ContainerPort EnvFrom[EnvFromSource Env[EnvVar
        Resources!ResourceRequirements ResizePolicy[ContainerResizePolicy RestartPolicy
        RestartPolicyRules[ContainerRestartRule VolumeMounts[VolumeMount VolumeDevices[VolumeDevice LivenessProbe:Probe
        ReadinessProbe:Probe StartupProbe:Probe Lifecycle:Lifecycle TerminationMessagePath" TerminationMessagePolicy"
        ImagePullPolicy" SecurityContext:SecurityContext Stdin? StdinOnce? TTY=tty?"#),
    ("ContainerPort", r#"Name" HostPort# ContainerPort# Protocol" HostIP""#),
    ("ContainerResizePolicy", r#"ResourceName" RestartPolicy""#),
    ("ContainerRestartRule", r#"Action" ExitCodes:ContainerRestartRuleOnExitCodes"#),
    ("ContainerRestartRuleOnExitCodes", r#"Operator" Values"#),
    ("DownwardAPIProjection", r#"Items[DownwardAPIVolumeFile"#),
    ("DownwardAPIVolumeFile", r#"Path" FieldRef:ObjectFieldSelector ResourceFieldRef:ResourceFieldSelector Mode"#),
    ("DownwardAPIVolumeSource", r#"Items[DownwardAPIVolumeFile DefaultMode"#),
    ("EmptyDirVolumeSource", r#"Medium" SizeLimit"#),
    ("EnvFromSource", r#"Prefix" ConfigMapRef:ConfigMapEnvSource SecretRef:SecretEnvSource"#),
    ("EnvVar", r#"Name" Value" ValueFrom:EnvVarSource"#),
    ("EnvVarSource", r#"FieldRef:ObjectFieldSelector ResourceFieldRef:ResourceFieldSelector ConfigMapKeyRef:ConfigMapKeySelector
        SecretKeyRef:SecretKeySelector FileKeyRef:FileKeySelector"#),
    ("EphemeralContainer", r#"Name" Image" Command Args WorkingDir" Ports[ContainerPort EnvFrom[EnvFromSource Env[EnvVar
        Resources!ResourceRequirements ResizePolicy[ContainerResizePolicy RestartPolicy
        RestartPolicyRules[ContainerRestartRule VolumeMounts[VolumeMount VolumeDevices[VolumeDevice LivenessProbe:Probe
        ReadinessProbe:Probe StartupProbe:Probe Lifecycle:Lifecycle TerminationMessagePath" TerminationMessagePolicy"
        ImagePullPolicy" SecurityContext:SecurityContext Stdin? StdinOnce? TTY=tty? TargetContainerName""#),
    ("EphemeralVolumeSource", r#"VolumeClaimTemplate:PersistentVolumeClaimTemplate"#),
    ("ExecAction", r#"Command"#),
    ("FCVolumeSource", r#"TargetWWNs Lun FSType=fsType" ReadOnly? WWIDs=wwids"#),
    ("FileKeySelector", r#"VolumeName" Path" Key" Optional"#),
    ("FlexVolumeSource", r#"Driver" FSType=fsType" SecretRef:LocalObjectReference ReadOnly? Options"#),
    ("FlockerVolumeSource", r#"DatasetName" DatasetUUID""#),
    ("GCEPersistentDiskVolumeSource", r#"PDName=pdName" FSType=fsType" Partition# ReadOnly?"#),
    ("GRPCAction", r#"Port# Service"#),
    ("GitRepoVolumeSource", r#"Repository" Revision" Directory""#),
    ("GlusterfsVolumeSource", r#"EndpointsName=endpoints" Path" ReadOnly?"#),
    ("HTTPGetAction", r#"Path" Port Host" Scheme" HTTPHeaders=httpHeaders[HTTPHeader"#),
    ("HTTPHeader", r#"Name" Value""#),
    ("HostAlias", r#"IP=ip" Hostnames"#),
    ("HostPathVolumeSource", r#"Path" Type"#),
    ("ISCSIVolumeSource", r#"TargetPortal" IQN=iqn" Lun# ISCSIInterface=iscsiInterface" FSType=fsType" ReadOnly? Portals
        DiscoveryCHAPAuth=chapAuthDiscovery? SessionCHAPAuth=chapAuthSession? SecretRef:LocalObjectReference InitiatorName"#),
    ("ImageVolumeSource", r#"Reference" PullPolicy""#),
    ("KeyToPath", r#"Key" Path" Mode"#),
    ("Lifecycle", r#"PostStart:LifecycleHandler PreStop:LifecycleHandler StopSignal"#),
    ("LifecycleHandler", r#"Exec:ExecAction HTTPGet=httpGet:HTTPGetAction TCPSocket=tcpSocket:TCPSocketAction Sleep:SleepAction"#),
    ("LocalObjectReference", r#"Name""#),
    ("NFSVolumeSource", r#"Server" Path" ReadOnly?"#),
    ("NodeAffinity", r#"RequiredDuringSchedulingIgnoredDuringExecution:NodeSelector
        PreferredDuringSchedulingIgnoredDuringExecution[PreferredSchedulingTerm"#),
    ("NodeSelector", r#"NodeSelectorTerms[NodeSelectorTerm"#),
    ("NodeSelectorRequirement", r#"Key" Operator" Values"#),
    ("NodeSelectorTerm", r#"MatchExpressions[NodeSelectorRequirement MatchFields[NodeSelectorRequirement"#),
    ("ObjectFieldSelector", r#"APIVersion=apiVersion" FieldPath""#),
    ("PersistentVolumeClaimSpec", r#"AccessModes Selector Resources!VolumeResourceRequirements VolumeName" StorageClassName VolumeMode
        DataSource:TypedLocalObjectReference DataSourceRef:TypedObjectReference VolumeAttributesClassName"#),
    ("PersistentVolumeClaimTemplate", r#"Spec!PersistentVolumeClaimSpec"#),
    ("PersistentVolumeClaimVolumeSource", r#"ClaimName" ReadOnly?"#),
    ("PhotonPersistentDiskVolumeSource", r#"PdID" FSType=fsType""#),
    ("PodAffinity", r#"RequiredDuringSchedulingIgnoredDuringExecution[PodAffinityTerm
        PreferredDuringSchedulingIgnoredDuringExecution[WeightedPodAffinityTerm"#),
    ("PodAffinityTerm", r#"LabelSelector Namespaces TopologyKey" NamespaceSelector MatchLabelKeys MismatchLabelKeys"#),
    ("PodAntiAffinity", r#"RequiredDuringSchedulingIgnoredDuringExecution[PodAffinityTerm
        PreferredDuringSchedulingIgnoredDuringExecution[WeightedPodAffinityTerm"#),
    ("PodCertificateProjection", r#"SignerName" KeyType" MaxExpirationSeconds CredentialBundlePath" KeyPath" CertificateChainPath" UserAnnotations"#),
    ("PodDNSConfig", r#"Nameservers Searches Options[PodDNSConfigOption"#),
    ("PodDNSConfigOption", r#"Name" Value"#),
    ("PodOS", r#"Name""#),
    ("PodReadinessGate", r#"ConditionType""#),
    ("PodResourceClaim", r#"Name" ResourceClaimName ResourceClaimTemplateName"#),
    ("PodSchedulingGate", r#"Name""#),
    ("PodSchedulingGroup", r#"PodGroupName"#),
    ("PodSecurityContext", r#"HostNetwork? HostPID? HostIPC? ShareProcessNamespace HostUsers SELinuxOptions=seLinuxOptions:SELinuxOptions
        WindowsOptions:WindowsSecurityContextOptions RunAsUser RunAsGroup RunAsNonRoot SupplementalGroups
        SupplementalGroupsPolicy FSGroup=fsGroup FSGroupChangePolicy=fsGroupChangePolicy Sysctls[Sysctl
        SeccompProfile:SeccompProfile AppArmorProfile:AppArmorProfile SELinuxChangePolicy=seLinuxChangePolicy"#),
    ("PodSpec", r#"Volumes[Volume InitContainers[Container Containers[Container EphemeralContainers[EphemeralContainer RestartPolicy"
        TerminationGracePeriodSeconds ActiveDeadlineSeconds DNSPolicy=dnsPolicy" NodeSelector ServiceAccountName"
        AutomountServiceAccountToken NodeName" SecurityContext:PodSecurityContext ImagePullSecrets[LocalObjectReference
        Hostname" Subdomain" SetHostnameAsFQDN Affinity:Affinity SchedulerName" Tolerations[Toleration HostAliases[HostAlias
        PriorityClassName" Priority PreemptionPolicy DNSConfig=dnsConfig:PodDNSConfig ReadinessGates[PodReadinessGate
        RuntimeClassName Overhead EnableServiceLinks TopologySpreadConstraints[TopologySpreadConstraint OS=os:PodOS
        SchedulingGates[PodSchedulingGate ResourceClaims[PodResourceClaim Resources:ResourceRequirements HostnameOverride
        SchedulingGroup:PodSchedulingGroup"#),
    ("PortworxVolumeSource", r#"VolumeID" FSType=fsType" ReadOnly?"#),
    ("PreferredSchedulingTerm", r#"Weight# Preference!NodeSelectorTerm"#),
    ("Probe", r#"Exec:ExecAction HTTPGet=httpGet:HTTPGetAction TCPSocket=tcpSocket:TCPSocketAction GRPC=grpc:GRPCAction
        InitialDelaySeconds# TimeoutSeconds# PeriodSeconds# SuccessThreshold# FailureThreshold# TerminationGracePeriodSeconds"#),
    ("ProjectedVolumeSource", r#"Sources[VolumeProjection DefaultMode"#),
    ("QuobyteVolumeSource", r#"Registry" Volume" ReadOnly? User" Group" Tenant""#),
    ("RBDVolumeSource", r#"CephMonitors=monitors RBDImage=image" FSType=fsType" RBDPool=pool" RadosUser=user" Keyring"
        SecretRef:LocalObjectReference ReadOnly?"#),
    ("ResourceClaim", r#"Name" Request""#),
    ("ResourceFieldSelector", r#"ContainerName" Resource" Divisor"#),
    ("ResourceRequirements", r#"Limits Requests Claims[ResourceClaim"#),
    ("SELinuxOptions", r#"User" Role" Type" Level""#),
    ("ScaleIOVolumeSource", r#"Gateway" System" SecretRef:LocalObjectReference SSLEnabled=sslEnabled? ProtectionDomain" StoragePool" StorageMode"
        VolumeName" FSType=fsType" ReadOnly?"#),
    ("SeccompProfile", r#"Type" LocalhostProfile"#),
    ("SecretEnvSource", r#"Name" Optional"#),
    ("SecretKeySelector", r#"Name" Key" Optional"#),
    ("SecretProjection", r#"Name" Items[KeyToPath Optional"#),
    ("SecretVolumeSource", r#"SecretName" Items[KeyToPath DefaultMode Optional"#),
    ("SecurityContext", r#"Capabilities:Capabilities Privileged SELinuxOptions=seLinuxOptions:SELinuxOptions
        WindowsOptions:WindowsSecurityContextOptions RunAsUser RunAsGroup RunAsNonRoot ReadOnlyRootFilesystem
        AllowPrivilegeEscalation ProcMount SeccompProfile:SeccompProfile AppArmorProfile:AppArmorProfile"#),
    ("ServiceAccountTokenProjection", r#"Audience" ExpirationSeconds# Path""#),
    ("SleepAction", r#"Seconds#"#),
    ("StorageOSVolumeSource", r#"VolumeName" VolumeNamespace" FSType=fsType" ReadOnly? SecretRef:LocalObjectReference"#),
    ("Strategy", r#"Type" RollingUpdate"#),
    ("Sysctl", r#"Name" Value""#),
    ("TCPSocketAction", r#"Port Host""#),
    ("Toleration", r#"Key" Operator" Value" Effect" TolerationSeconds"#),
    ("TopologySpreadConstraint", r#"MaxSkew# TopologyKey" WhenUnsatisfiable" LabelSelector MinDomains NodeAffinityPolicy NodeTaintsPolicy MatchLabelKeys"#),
    ("TypedLocalObjectReference", r#"APIGroup=apiGroup Kind" Name""#),
    ("TypedObjectReference", r#"APIGroup=apiGroup Kind" Name" Namespace"#),
    ("Volume", r#"Name" HostPath:HostPathVolumeSource EmptyDir:EmptyDirVolumeSource
        GCEPersistentDisk=gcePersistentDisk:GCEPersistentDiskVolumeSource
        AWSElasticBlockStore=awsElasticBlockStore:AWSElasticBlockStoreVolumeSource GitRepo:GitRepoVolumeSource
        Secret:SecretVolumeSource NFS=nfs:NFSVolumeSource ISCSI=iscsi:ISCSIVolumeSource Glusterfs:GlusterfsVolumeSource
        PersistentVolumeClaim:PersistentVolumeClaimVolumeSource RBD=rbd:RBDVolumeSource Quobyte:QuobyteVolumeSource
        FlexVolume:FlexVolumeSource Cinder:CinderVolumeSource CephFS=cephfs:CephFSVolumeSource Flocker:FlockerVolumeSource
        DownwardAPI:DownwardAPIVolumeSource FC=fc:FCVolumeSource AzureFile:AzureFileVolumeSource
        ConfigMap:ConfigMapVolumeSource VsphereVolume:VsphereVirtualDiskVolumeSource AzureDisk:AzureDiskVolumeSource
        PhotonPersistentDisk:PhotonPersistentDiskVolumeSource Projected:ProjectedVolumeSource
        PortworxVolume:PortworxVolumeSource ScaleIO:ScaleIOVolumeSource StorageOS=storageos:StorageOSVolumeSource
        CSI=csi:CSIVolumeSource Ephemeral:EphemeralVolumeSource Image:ImageVolumeSource"#),
    ("VolumeDevice", r#"Name" DevicePath""#),
    ("VolumeMount", r#"Name" ReadOnly? RecursiveReadOnly MountPath" SubPath" MountPropagation SubPathExpr""#),
    ("VolumeProjection", r#"Secret:SecretProjection DownwardAPI:DownwardAPIProjection ConfigMap:ConfigMapProjection
        ServiceAccountToken:ServiceAccountTokenProjection ClusterTrustBundle:ClusterTrustBundleProjection
        PodCertificate:PodCertificateProjection"#),
    ("VolumeResourceRequirements", r#"Limits Requests"#),
    ("VsphereVirtualDiskVolumeSource", r#"VolumePath" FSType=fsType" StoragePolicyName" StoragePolicyID""#),
    ("WeightedPodAffinityTerm", r#"Weight# PodAffinityTerm!PodAffinityTerm"#),
    ("WindowsSecurityContextOptions", r#"GMSACredentialSpecName=gmsaCredentialSpecName GMSACredentialSpec=gmsaCredentialSpec RunAsUserName HostProcess"#),
];
