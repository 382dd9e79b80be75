# The embedded codec weights. Not part of a run: `make codec` calls this rule and puts its outcome
# where the other rules look for it.


rule train_codec:
    """Train BOP weights of model id 3 on photographs, resuming from the last checkpoint."""
    output:
        card="<results>/codec/model_card.md",
        files=[
            f"{RUN}/codec/{path}"
            for component in ("Y", "UV")
            for path in (
                f"VM_bop/encoder_{component}_0.5.pth",
                f"VM_bop/decoder_{component}_0.5.pth",
                f"VM_common_int/{component}_0.5.pth",
            )
        ],
    log:
        "<logs>/train_codec.log",
    benchmark:
        "<benchmarks>/train_codec.tsv"
    conda:
        "../../envs/codec.yaml"
    threads: 2
    resources:
        mem_mb=6000,
    params:
        code=code_of("train_codec"),
        cfg=training_settings(),
        photos=config["training"]["photos"] or "",
        evaluation=config["training"]["evaluation"] or "",
        checkpoint=f"{RUN}/training/checkpoint.pt",
    shell:
        "python -m latentprint.steps.train_codec"
        " --photos {params.photos:q} --evaluation {params.evaluation:q}"
        " --settings {params.cfg:q} --checkpoint {params.checkpoint} --threads {threads}"
        " --output $(dirname {output.card}) 2>&1 | tee -a {log}"
